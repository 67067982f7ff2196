// A reporter of node --test that writes flat TAP with what its own leaves out: the file of each test. Failed hooks,
// files that could not be loaded and files that ended in the middle come as points of type suite. Node 18.15 and newer.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

const FOLDER = dirname(fileURLToPath(import.meta.url)); // each run has a copy of this file
const FILTERED = ["test name does not match pattern", "'only' option not set"];
const escaped = (text) =>
  String(text).replace(/[\\#\n\r]/g, (c) => ({ "\n": "\\n", "\r": "\\r" })[c] ?? `\\${c}`);

export default async function* (source) {
  const titles = [];
  const started = new Map(); // by file: what began and has not ended
  const early = new Set(); // files in which tests were looked for: those that ended early have lost some
  let count = 0;
  const point = (ok, id, data, directive, kind, failure, message) => {
    let text = `${ok ? "ok" : "not ok"} ${++count} - ${escaped(id)}${directive}\n  ---\n`;
    text += `  duration_ms: ${Number(data.details?.duration_ms ?? 0)}\n`;
    if (kind) text += `  type: '${kind}'\n`;
    if (failure) text += `  failureType: '${String(failure).replace(/[^\w ]/g, "")}'\n`;
    for (const line of message.split("\n")) text += `  | ${line}\n`;
    return `${text}  ...\n`;
  };
  yield "TAP version 14\n# superteam node\n";
  for await (const { type, data } of source) {
    if (type === "test:start") {
      titles.length = data.nesting;
      titles[data.nesting] = data.name;
      const open = started.get(data.file) ?? started.set(data.file, new Set()).get(data.file);
      open.add(titles.join(" > "));
    }
    if (type !== "test:pass" && type !== "test:fail") continue;
    titles.length = data.nesting;
    titles[data.nesting] = data.name;
    const file = data.file ?? "";
    const id = titles.join(" > ");
    started.get(data.file)?.delete(id);
    const ok = type === "test:pass";
    const error = data.details?.error;
    const message = ok ? "" : words(error);
    if (data.nesting === 0 && isFile(data)) {
      const uses = usesRunner(data.name, file);
      if (!uses) {
        yield point(ok, file || data.name, data, "", "", error?.failureType, message);
      } else if (!ok) yield point(false, file || data.name, data, "", "suite", "could not be run as a whole", message);
      else early.add(file || data.name);
      continue;
    }
    early.add(file);
    if (data.skip !== undefined && FILTERED.includes(data.skip)) continue;
    const name = file ? `${file} > ${id}` : id;
    if (data.details?.type === "suite") {
      if (!ok && error?.failureType !== "subtestsFailed") yield point(false, name, data, "", "suite", error?.failureType, message);
      continue;
    }
    const reason = (value) => (typeof value === "string" ? ` ${value.replace(/\s+/g, " ")}` : "");
    const directive =
      data.skip !== undefined && data.skip !== false ? ` # SKIP${reason(data.skip)}`
      : data.todo !== undefined && data.todo !== false ? ` # TODO${reason(data.todo)}` : "";
    yield point(ok, name, data, directive, "", error?.failureType, message);
  }
  for (const file of early)
    if (exited(file)) yield point(false, file, {}, "", "suite", "ended early", "process.exit or --test-force-exit ended it: tests may be lost");
  for (const [file, open] of started)
    for (const id of open)
      if (!isFile({ name: id, file })) yield point(false, `${file} > ${id}`, {}, "", "suite", "never ended", "");
  yield `1..${count}\n`;
}

// node reports a file itself as a test: under its path, as it was given or in full.
function isFile(data) {
  return data.name === data.file || /^(?:[A-Za-z]:)?[\\/]/.test(data.name) && /\.[cm]?[jt]sx?$/.test(data.name)
    || Boolean(data.file) && /\.[cm]?[jt]sx?$/.test(data.name) && data.file.split("\\").join("/").endsWith(`/${data.name}`);
}

function words(error) {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? (typeof cause === "string" ? cause : inspect(cause)));
}

// A script of plain assertions is itself the test; in a file that uses the runner only its tests are.
function usesRunner(...paths) {
  return paths.some((path) => {
    try {
      return /["'`]node:test["'`]/.test(readFileSync(path, "utf8"));
    } catch {
      return false;
    }
  });
}

// The preload file notes the scripts that did not come to their end by themselves.
function exited(file) {
  try {
    return readFileSync(join(FOLDER, "exits"), "utf8").split("\n").includes(JSON.stringify(file));
  } catch {
    return false;
  }
}
