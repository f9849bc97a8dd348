// Prompts in the manner of the data that the bundled pair learned from.

const lines = (...parts) => parts.join("\n");

const problems = [
  ["Dollars left", "Xenia has 148 dollars. She spends 37 dollars on badges and 52 dollars on shells. How many dollars does Xenia keep?"],
  ["Broken eggs", "A bag of 36 eggs contains 17 broken ones. Quinn buys 8 such bags and has 23 good eggs at home. How many good eggs does Quinn have?"],
  ["Gallons", "Adam drives 27 miles in the morning and 93 miles in the evening. The car needs one gallon for every 8 miles. How many gallons does Adam use?"],
  ["Sharing", "Hanna has 58 lemons and Gus has 34 lemons. They share all the lemons equally among 4 people. How many lemons does each person get?"],
];

const choices = [
  ["What it eats", "What does the wex-mir eat?", ["seeds", "figs", "ants", "leaves", "mice"]],
  ["What it sounds like", "What sound does the jun-ixa make?", ["hum", "wail", "buzz", "click", "hiss"]],
];

/** {title, question, chat, text}: the prompt as a chat message, and as a text to continue. */
export const examples = [
  ...problems.map(([title, question]) => ({
    title, question, chat: question, text: lines(`Question: ${question}`, "Solution:"),
  })),
  ...choices.map(([title, question, options]) => {
    const listed = lines("Choices:", ...options.map((option, i) => `(${"ABCDE"[i]}) ${option}`));
    return {
      title, question, chat: lines(question, listed),
      text: lines(`Question: ${question}`, listed, "Answer:"),
    };
  }),
];
