import assert from "node:assert/strict";
import { ROOT } from "../root.ts";
import { gitState } from "./provenance.ts";

/** Runs git in `folder`, as a person without any configuration of her own. */
function git(folder: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("git", {
    args: ["-C", folder, "-c", "user.name=A", "-c", "user.email=a@b.c", ...args],
    clearEnv: true,
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

async function inRepository(test: (folder: string, commit: string) => Promise<void>) {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/kit`);
    Deno.writeTextFileSync(`${folder}/kit/deno.json`, "{}");
    git(folder, "init", "-q");
    git(folder, "add", ".");
    git(folder, "commit", "-qm", "First");
    await test(folder, git(folder, "rev-parse", "HEAD"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const NONE = { commit: null, dirty: null };

Deno.test("commit and state are those of the repository whose top the folder is, by whatever path", () =>
  inRepository(async (folder, commit) => {
    assert.deepEqual(await gitState(folder), { commit, dirty: false });
    assert.deepEqual(await gitState(`${folder}/kit/../`), { commit, dirty: false });
    Deno.writeTextFileSync(`${folder}/new`, "");
    assert.deepEqual(await gitState(folder), { commit, dirty: true });
    git(folder, "worktree", "add", "-q", `${folder}/tree`);
    assert.deepEqual(await gitState(`${folder}/tree`), { commit, dirty: false });
  }));

Deno.test("a folder in another's repository, or in none, has no commit", () =>
  inRepository(async (folder) => {
    assert.deepEqual(await gitState(`${folder}/kit`), NONE);
    assert.deepEqual(await gitState(`${folder}/no/such/folder`), NONE);
    Deno.mkdirSync(`${folder}/empty`);
    git(`${folder}/empty`, "init", "-q");
    assert.deepEqual(await gitState(`${folder}/empty`), NONE, "without a commit yet");
  }));

/** What a process with this environment and these permissions prints as JSON, given a module that says so. */
async function printed(source: string, permissions: string[], env: Record<string, string> = {}) {
  const script = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    const module = new URL("./provenance.ts", import.meta.url).href;
    Deno.writeTextFileSync(script, `import * as kit from "${module}";\n${source}`);
    const config = `--config=${ROOT}deno.json`;
    const args = ["run", "--no-prompt", "--no-check", config, ...permissions, script];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    Deno.removeSync(script);
  }
}

Deno.test("what the environment says of other repositories, or of libraries, changes nothing", () =>
  inRepository((folder, commit) =>
    inRepository(async (other) => {
      const source = `console.log(JSON.stringify(await kit.gitState("${folder}")));`;
      const env = {
        GIT_DIR: `${other}/.git`,
        GIT_WORK_TREE: other,
        GIT_INDEX_FILE: `${other}/.git/none`,
        GIT_CEILING_DIRECTORIES: folder,
        GIT_OBJECT_DIRECTORY: `${other}/.git/objects`,
        LD_LIBRARY_PATH: other,
      };
      const expected = { commit, dirty: false };
      assert.deepEqual(
        await printed(source, ["--allow-run=git", "--allow-env=HOME"], env),
        expected,
      );
      assert.deepEqual(await printed(source, ["-A"], env), expected);
      assert.deepEqual(await printed(source, [], env), NONE, "git may not be run");
    })
  ));

Deno.test("without any permission provenance says what it can", async () => {
  const source = `console.log(JSON.stringify(await kit.gatherProvenance({ threads: 2 })));`;
  const found = await printed(source, []);
  assert.deepEqual(
    [found.commit, found.dirty, found.lock, found.v8Flags, found.cpu, found.threads],
    [null, null, null, "", "unknown", 2],
  );
  assert.match((await printed(source, ["-A"])).lock, /^[0-9a-f]{64}$/);
});
