// The checks of .ci/browsers: `node .ci/browsers.mjs FOLDER`, the folder with node_modules.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { default: puppeteer } = await import(pathToFileURL(require.resolve("puppeteer-core")));
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const BROWSERS = [
  {
    browser: "chrome",
    executablePath: "/usr/bin/chromium",
    // Chromium's own sandbox does not work as root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  },
  { browser: "firefox", executablePath: "/usr/bin/firefox-esr" },
];
/** Milliseconds that training may take. */
const PATIENCE = 120_000;
/** Pages of the site, one of each kind; its reports are those above with a link more. */
const SITE = ["index", "reports/index", "experiments/index", "api/index", "api/~/NeuralCritic"]
  .map((name) => `site/${name}.html`);
const SCALING = resolve("reports/01-scaling.html"), CREDIT = resolve("reports/08-credit.html");

const folder = mkdtempSync(join(tmpdir(), "genac browsers "));
/** Writes a page beside the others and returns its path. */
function write(name, html) {
  const path = join(folder, name);
  writeFileSync(path, html);
  return path;
}

/** The report with another digest of parameters in each pin. */
function tampered(html) {
  return html.replace(/(id="genac-verify-data">)([^<]+)/, (_, tag, base64) => {
    const data = JSON.parse(gunzipSync(Buffer.from(base64, "base64")).toString());
    for (const { digests } of data.profiles.flatMap(({ cells }) => cells)) {
      digests.parameters = digests.parameters.replace(/^./, (digit) => digit === "0" ? "1" : "0");
    }
    return tag + gzipSync(JSON.stringify(data)).toString("base64");
  });
}

const report = readFileSync(SCALING, "utf8");
const PAGES = {
  tampered: write("tampered.html", tampered(report)),
  strict: write(
    "strict.html",
    report.replace(
      "<head>",
      `<head><meta http-equiv="Content-Security-Policy" content="worker-src 'none'">`,
    ),
  ),
  frame: write(
    "frame.html",
    `<!doctype html><title>A frame</title><iframe sandbox="allow-scripts" src="${
      pathToFileURL(SCALING)
    }"></iframe>`,
  ),
};

/** Presses a button of the section, `before` it does something else, and returns what is said in the end. */
async function press(frame, button, before = () => {}) {
  await frame.waitForSelector("#genac-verify-one:not([disabled])", { timeout: 30_000 });
  await before();
  await frame.$eval(`#genac-verify-${button}`, (element) => element.click());
  await frame.waitForFunction(
    () =>
      /^(equal|not|cancelled)/i.test(document.querySelector("#genac-verify-status").textContent),
    { timeout: PATIENCE, polling: 50 },
  );
  return await frame.$eval("#genac-verify-status", (status) => status.textContent);
}

const CHECKS = {
  "a pinned run is equal": async (page) => {
    await page.goto(pathToFileURL(SCALING));
    assert.match(await press(page, "one"), /^Equal: /);
    const rows = await page.$$eval(
      "#genac-verify tbody tr",
      (rows) => rows.map((row) => [row.cells[0].textContent, row.cells[3].textContent]),
    );
    for (const what of ["pin: parameters", "configuration", "kernels", "bundle"]) {
      assert.deepEqual(rows.find(([name]) => name === what), [what, "equal"]);
    }
  },
  "a whole smoke profile is equal, its summary and verdicts too": async (page) => {
    await page.goto(pathToFileURL(CREDIT));
    assert.match(await press(page, "all"), /^Equal: all \d+ runs, the summary and the verdicts\./);
  },
  "a changed pin is found unequal": async (page) => {
    await page.goto(pathToFileURL(PAGES.tampered));
    assert.match(await press(page, "one"), /^NOT equal: /);
    const unequal = await page.$$eval(
      "#genac-verify tr.genac-not-equal th",
      (names) => names.map((name) => name.textContent),
    );
    assert.deepEqual(unequal, ["pin: parameters"]);
  },
  "the page stays alive, and training can be cancelled and begun again": async (page) => {
    await page.goto(pathToFileURL(SCALING));
    const said = await press(page, "all", () =>
      page.evaluate(() => {
        let ticks = 0;
        const timer = setInterval(() => {
          if (document.querySelector("#genac-verify-cancel").disabled || ++ticks < 10) return;
          clearInterval(timer);
          document.querySelector("#genac-verify-cancel").click();
        }, 50);
      }));
    assert.equal(said, "Cancelled.");
    assert.match(
      await press(
        page,
        "one",
        () => page.$eval("#genac-verify-status", (status) => status.textContent = ""),
      ),
      /^Equal: /,
    );
  },
  "a policy that forbids Workers is named": async (page) => {
    await page.goto(pathToFileURL(PAGES.strict));
    assert.match(await press(page, "one"), /^Not verified: this page may not start a Worker/);
  },
  "the playground answers with the pinned weights": async (page) => {
    await page.goto(pathToFileURL(SCALING));
    const part = (name) => `#genac-playground-${name}`;
    /** What the status says once it begins so. */
    const said = async (beginning) => {
      await page.waitForFunction(
        (status, beginning) => document.querySelector(status).textContent.startsWith(beginning),
        { timeout: PATIENCE, polling: 50 },
        part("status"),
        beginning,
      );
      return await page.$eval(part("status"), (status) => status.textContent);
    };
    assert.match(
      await said("Exact"),
      /^Exact 0\.\d{3}; Discriminative .* \(\d+ of \d+ steps right/,
    );
    const weights = await page.$$eval(
      `${part("weights")} li`,
      (items) => items.map((item) => item.textContent),
    );
    assert.equal(weights.length, 2);
    for (const text of weights) assert.match(text, /: [\da-f]{64}, as pinned$/);
    await page.$eval(part("step"), (button) => button.click());
    await page.waitForSelector(`${part("history-body")} tr:nth-child(2)`, { timeout: PATIENCE });
    await page.$eval(part("word"), (input) => input.value = "(01) <b>");
    await page.$eval(part("ask"), (button) => button.click());
    assert.match(await said("generator"), /^generator: "<b>": choose from \(01\), /);
  },
  "methods' credit for a token is shown when it is pointed at, or reached by keys": async (
    page,
  ) => {
    await page.goto(pathToFileURL(CREDIT));
    const title = () => page.$eval("#genac-rollout-title", (title) => title.textContent);
    const tokens = await page.$$("#genac-rollout-tokens label");
    assert.ok(tokens.length >= 3);
    await tokens[0].hover();
    assert.match(await title(), /^product 1: /);
    await page.$eval("#genac-rollout-tokens input", (radio) => radio.focus());
    await page.keyboard.press("ArrowRight");
    assert.match(await title(), /^product 2: /);
    const rows = await page.$$eval("#genac-rollout-values tr", (rows) => rows.length);
    assert.ok(rows > 2);
  },
  "it works in a sandboxed frame": async (page) => {
    await page.goto(pathToFileURL(PAGES.frame));
    const frame = await (await page.waitForSelector("iframe")).contentFrame();
    assert.match(await press(frame, "one"), /^Equal: /);
  },
};

/** What axe-core finds in a page that is serious, one line each. */
async function faults(page, path) {
  await page.goto(pathToFileURL(path));
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await axe.run()).violations);
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(
    ({ id, help, nodes }) =>
      `${path}: ${id} (${help}): ${nodes[0].target} and ${nodes.length - 1} more`,
  );
}

let failed = 0;
async function check(name, work) {
  const start = performance.now();
  try {
    await work();
    console.log(`${name}: ok (${Math.round((performance.now() - start) / 100) / 10} s)`);
  } catch (error) {
    failed++;
    console.log(`${name}: FAILED\n${error.message}`);
  }
}

try {
  for (const options of BROWSERS) {
    const browser = await puppeteer.launch({ ...options, headless: true });
    console.log(`${await browser.version()}:`);
    const inPage = (work) => async () => {
      const page = await browser.newPage();
      try {
        await work(page);
      } finally {
        await page.close();
      }
    };
    for (const [name, work] of Object.entries(CHECKS)) await check(name, inPage(work));
    if (options.browser === "chrome") {
      const pages = [
        "index.html",
        ...readdirSync("notebooks").filter((name) => name.endsWith(".ipynb"))
          .map((name) => name.replace(".ipynb", ".html")),
        ...SITE,
      ];
      for (const name of pages.filter((name) => existsSync(join("reports", name)))) {
        await check(
          `no serious fault in reports/${name}`,
          inPage(async (page) => {
            const found = await faults(page, resolve("reports", name));
            assert.ok(found.length === 0, found.join("\n"));
          }),
        );
      }
    }
    await browser.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(failed > 0 ? 1 : 0);
