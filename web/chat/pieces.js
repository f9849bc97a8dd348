// Tokens laid over text. The trace names each token's bytes as text, where a character that spans
// several tokens is U+FFFD; the answer's text holds the character itself, but may lag behind.

const isBroken = (token) => token.text.includes("\uFFFD");

export class Pieces {
  #text = "";
  #tokens = [];

  /** Adds text and tokens; gives the pieces {text, tokens} that are certain now. */
  add(text, tokens) {
    this.#text += text;
    this.#tokens.push(...tokens.filter((token) => token.text !== ""));
    return this.#take(false);
  }

  /** The rest, after the last add(). Tokens beyond the end of the text (stop strings) are dropped. */
  finish() {
    return this.#take(true);
  }

  #take(atEnd) {
    const pieces = [];
    while (this.#tokens.length > 0) {
      const piece = this.#next(atEnd);
      if (!piece) break;
      pieces.push(piece);
    }
    return pieces;
  }

  #next(atEnd) {
    let count = this.#tokens.findIndex((token) => !isBroken(token));
    let length;
    if (count === 0) {
      length = this.#tokens[0].text.length;
      count = 1;
    } else if (count > 0) {
      // Parts of characters end where the next whole token begins.
      length = this.#text.indexOf(this.#tokens[count].text, 1);
    } else {
      if (!atEnd) return null;
      count = this.#tokens.length;
      length = this.#text.length;
    }
    if (!atEnd && (length < 0 || length > this.#text.length)) return null;
    if (length < 0) length = this.#text.length;
    const text = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    const tokens = this.#tokens.splice(0, count);
    return text === "" ? null : { text, tokens };
  }
}
