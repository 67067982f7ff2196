// A reporter of vitest (0.34 and newer) that writes what its own JSON leaves out: failed hooks, unhandled errors,
// expected failures, retries, projects. The shape is otherwise jest's. It writes beside itself: each run has a copy.
import { renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = dirname(fileURLToPath(import.meta.url));

export default class {
  onInit(context) {
    this.context = context;
  }

  // vitest 3 and newer
  onTestRunEnd(modules, unhandled, reason) {
    this.newer = true;
    this.write(modules.map((module) => module.task), unhandled, reason);
  }

  // vitest 2 and older
  onFinished(files = [], unhandled = []) {
    if (!this.newer) this.write(files, unhandled, this.context?.isCancelling ? "interrupted" : "");
  }

  write(files, unhandled, reason) {
    const ignored = this.context?.config?.dangerouslyIgnoreUnhandledErrors;
    const testResults = files.map(fileResult);
    const document = {
      superteam: "vitest",
      version: this.context?.version ?? "",
      reason: reason ?? "",
      numTotalTests: testResults.reduce((sum, file) => sum + file.assertionResults.length, 0),
      unhandledErrors: ignored ? [] : unhandled.map(words),
      testResults,
      finished: true,
    };
    const file = join(FOLDER, `${process.pid}.json`);
    writeFileSync(`${file}.part`, JSON.stringify(document));
    renameSync(`${file}.part`, file);
  }
}

function fileResult(file) {
  const found = { name: file.filepath, project: file.projectName ?? "", suiteErrors: [], assertionResults: [] };
  collect(file, [], found);
  return found;
}

function collect(suite, titles, found) {
  const errors = suite.result?.errors ?? [];
  const unexplained = suite.result?.state === "fail" && !errors.length && !suite.tasks.some(failed);
  if (unexplained) errors.push({ message: "it failed, and vitest does not say why" });
  for (const error of errors) found.suiteErrors.push({ titles, message: words(error) });
  for (const task of suite.tasks) {
    if (task.type === "suite") collect(task, [...titles, task.name], found);
    else found.assertionResults.push(testResult(task, titles));
  }
}

const failed = (task) => task.result?.state === "fail";

function testResult(task, ancestorTitles) {
  const { state, errors, duration, retryCount } = task.result ?? {};
  return {
    ancestorTitles,
    title: task.name,
    status: STATUS[state] ?? STATUS[task.mode] ?? "unfinished",
    duration,
    failureMessages: (errors ?? []).map(words),
    fails: task.fails === true,
    retries: retryCount ?? 0,
  };
}

const STATUS = { pass: "passed", fail: "failed", skip: "skipped", todo: "todo" };

// The message comes first: the stack of some errors has it not.
function words(error) {
  const name = error?.name ?? "Error";
  const message = String(error?.message ?? error);
  const stack = String(error?.stack ?? "");
  const own = stack.includes(message) ? "" : `${name}: ${message}\n`;
  return `${own}${stack}`.trim() || `${name}: ${message}`;
}
