// Loaded into the processes in which node --test runs its files: notes those that end by process.exit, since what
// they had not yet reported is lost without a word. It writes beside itself: each run has a copy.
"use strict";

if (process.env.NODE_TEST_CONTEXT && process.argv[1]) {
  let natural = false;
  process.on("beforeExit", () => (natural = true));
  process.on("exit", () => {
    if (natural) return;
    try {
      require("node:fs").appendFileSync(`${__dirname}/exits`, `${JSON.stringify(process.argv[1])}\n`);
    } catch {}
  });
}
