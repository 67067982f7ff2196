// Loaded into every node of a user's command by NODE_OPTIONS. In the entry program of a test framework it adds our
// arguments and takes itself out of the environment; in all others (npm, yarn, npx, workers) it does nothing.
// SUPERTEAM_NODE_ARGS names a JSON file: {"options": text that was put in front of NODE_OPTIONS, "programs":
// [{"entries": ["jest/bin/jest.js"], "needs": word or "", "never": [words], "drop": {"-t": 1}, "append": [...], "env": {}}]}.
"use strict";

function main() {
  const worker = require("node:worker_threads");
  const file = process.env.SUPERTEAM_NODE_ARGS;
  if (!file || !worker.isMainThread || !process.argv[1]) return;
  const fs = require("node:fs");
  const table = JSON.parse(fs.readFileSync(file, "utf8"));
  const names = spellings(fs, process.argv[1]);
  for (const program of table.programs) {
    if (!program.entries.some((entry) => names.some((name) => name.endsWith("/node_modules/" + entry)))) continue;
    if (runsTests(program, process.argv.slice(2))) adapt(program);
    restore(table.options);
    return;
  }
}

// As it was called and as it really is: a link in .bin is the one, a file that only Plug'n'Play sees is the other.
function spellings(fs, path) {
  const found = [path];
  try {
    found.push(fs.realpathSync(path));
  } catch {}
  return found.map((name) => name.split("\\").join("/"));
}

function runsTests(program, given) {
  return (!program.needs || given.includes(program.needs)) && !program.never.some((word) => given.includes(word));
}

function adapt(program) {
  const own = (text) => text.split("{pid}").join(String(process.pid));
  const given = without(process.argv.slice(2), program.drop);
  const end = given.indexOf("--");
  const at = end < 0 ? given.length : end;
  process.argv.splice(2, Infinity, ...given.slice(0, at), ...program.append.map(own), ...given.slice(at));
  for (const [name, value] of Object.entries(program.env)) process.env[name] = own(value);
}

// The arguments without the options that ours replace, each with as many values as it takes.
function without(given, drop) {
  const kept = [];
  for (let i = 0; i < given.length; i++) {
    if (given[i] === "--") return kept.concat(given.slice(i));
    const name = given[i].split("=", 1)[0];
    if (!Object.hasOwn(drop, name)) kept.push(given[i]);
    else if (drop[name] < 0) i += /^\d+$/.test(given[i + 1] ?? "") ? 1 : 0;
    else if (name === given[i]) i += drop[name];
  }
  return kept;
}

function restore(options) {
  delete process.env.SUPERTEAM_NODE_ARGS;
  const value = process.env.NODE_OPTIONS || "";
  const rest = value.split(options).join("").trim();
  if (rest) process.env.NODE_OPTIONS = rest;
  else delete process.env.NODE_OPTIONS;
}

try {
  main();
} catch {
  // What could not be told to report leaves no report, and that is no pass.
}
