// The conversation, kept in this browser until a new one is begun.

const name = "citer-conversation";
/** Characters kept at most; browsers allow some five million. */
const most = 2_000_000;

/** Turns as they were kept: [{prompt, isChat, answers: [{title, note, isMain, text, tokens, summary, state}]}]. */
export function keptTurns() {
  try {
    const turns = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(turns) ? turns.filter((turn) => turn && turn.prompt && Array.isArray(turn.answers)) : [];
  } catch {
    return [];
  }
}

/** Keeps them; the oldest go where they are too many. */
export function keepTurns(turns) {
  let kept = turns;
  let text = JSON.stringify(kept);
  while (kept.length > 0 && text.length > most) {
    kept = kept.slice(1);
    text = JSON.stringify(kept);
  }
  try {
    if (kept.length > 0) localStorage.setItem(name, text);
    else localStorage.removeItem(name);
  } catch {
    // No room, or not allowed: then it is not kept.
  }
}
