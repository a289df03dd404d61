"""Holds the files for CI systems to their schemas and linters, and runs their commands against the reference server.

    check.py ROOT WORK

What cannot be had here are the CI systems themselves: expressions are filled in by this file, and the steps that others
provide (checkout, upload, publishers) are not run.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from pathlib import Path

import tree_sitter
import tree_sitter_groovy
import yaml

ROOT, WORK = Path(sys.argv[1]), Path(sys.argv[2])
BINARY = Path(os.environ["GRANTLINT"]).resolve()
SECRET = "GRANTLINT_CLIENT_SECRET"
# A violation that every suite sees.
FAULT = "rfc6749/token-response-cacheable"
problems = []


def check(name):
    """Runs a check now; what it raises is a problem of that name."""

    def run(function):
        try:
            function()
            print(f"ok      {name}")
        except (AssertionError, KeyError, ValueError, yaml.YAMLError) as error:
            problems.append(name)
            print(f"WRONG   {name}: {type(error).__name__}: {error}")

    return run


def tool(*command, **options):
    """A linter has nothing to say."""
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}"


def documents(path):
    return [document for document in yaml.safe_load_all((ROOT / path).read_text()) if document]


# The reference server, and what the commands of the files find there.


@contextmanager
def server(*arguments):
    """A folder with a target file like those of the pages, for a server that runs meanwhile, and the environment for it."""
    process = subprocess.Popen([BINARY, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        lines = []
        while True:
            line = process.stdout.readline()
            assert line, "the reference server said nothing"
            lines.append(line)
            if line.rstrip() == "}":
                break
        served = yaml.safe_load("".join(lines))["targets"]["reference"]
        entry = {key: served[key] for key in ("token_endpoint", "scope")}
        entry["suites"] = ["coupa-call-out"]
        entry["client"] = {"client_id": served["client"]["client_id"], "client_secret": f"${{env:{SECRET}}}"}
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            folder = Path(folder)
            (folder / "grantlint.yaml").write_text(json.dumps({"targets": {"test": entry, "production": entry}}))
            (folder / "bin").mkdir()
            (folder / "bin/grantlint").symlink_to(BINARY)
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRANTLINT", "GITHUB_"))}
            path = f"{folder}/bin:{os.environ['PATH']}"
            yield folder, kept | {"PATH": path, SECRET: served["client"]["client_secret"], "NO_COLOR": "1"}
    finally:
        process.terminate()
        process.wait()


def both(run):
    """`run(folder, environment)` ends with 0 at a sound server, and with 1 at a faulty one."""
    for code, arguments in ((0, []), (1, ["--fault", FAULT])):
        with server(*arguments) as (folder, environment):
            done = run(folder, environment)
            assert done.returncode == code, f"ended with {done.returncode}, not {code}\n{done.stdout}{done.stderr}"


def shell(script, folder, environment, interpreter=("bash", "-e")):
    """A step that is a script, as most systems run it."""
    return subprocess.run([*interpreter, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


def holds_reports(folder, *names):
    for name in names:
        path = folder / name
        assert path.is_file() and path.stat().st_size, f"{name} was not written"


# GitHub


@check("action.yml and docs/ci/github.yml keep the schemas of GitHub")
def _():
    tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", "docs/ci/github.yml")


@check("zizmor finds nothing in them")
def _():
    tool("zizmor", "--offline", "--persona", "regular", "--config", "tests/ci/zizmor.yml", "action.yml", "docs/ci/github.yml")


def action_step(step, inputs, folder, environment):
    def filled(text):
        text = re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: inputs[found[1]], text)
        text = text.replace("${{ github.action_path }}", str(ROOT))
        assert "${{" not in text, f"an expression that is not known here: {text}"
        return text

    assert "${{" not in step["run"], "an expression in a script can be anything; it belongs into `env`"
    own = {name: filled(value) for name, value in step.get("env", {}).items()}
    return shell(step["run"], folder, environment | own, ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail"))


@check("the steps of action.yml run")
def _():
    action = documents("action.yml")[0]
    install, run = action["runs"]["steps"]
    workflow = documents("docs/ci/github.yml")[0]
    given = next(step["with"] for step in workflow["jobs"]["grantlint"]["steps"] if "example/grantlint" in step["uses"])
    assert set(given) <= set(action["inputs"]), "the example gives an input that there is not"
    inputs = {name: given.get(name, entry["default"]) for name, entry in action["inputs"].items()}
    inputs["arguments"] = "--safe\n--only=rfc6749/**"

    def steps(folder, environment):
        environment |= {"GITHUB_OUTPUT": f"{folder}/output", "GITHUB_STEP_SUMMARY": f"{folder}/summary"}
        assert action_step(install, inputs, folder, environment).returncode == 0
        done = action_step(run, inputs, folder, environment)
        names = ("grantlint.xml", "grantlint.sarif", "grantlint.json", "grantlint.html")
        holds_reports(folder / "grantlint-reports", *names)
        holds_reports(folder, "summary")
        assert (folder / "output").read_text() == f"exit-code={done.returncode}\n"
        assert ("::error" in done.stdout) == (done.returncode == 1), done.stdout
        saved = json.loads((folder / "grantlint-reports/grantlint.json").read_text())
        assert saved["target"]["name"] == "test"
        assert all(finding["check"].startswith("rfc6749/") for finding in saved["findings"])
        return done

    both(steps)


# GitLab

INTERPOLATION = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def component(given):
    """The jobs of the component, its inputs filled in."""
    head, body = (ROOT / "templates/grantlint.yml").read_text().split("\n---\n")
    declared = yaml.safe_load(head)["spec"]["inputs"]
    assert set(given) <= set(declared), "an input that there is not"
    values = {name: given.get(name, entry.get("default")) for name, entry in declared.items()}
    for name, value in values.items():
        assert value is not None, f"the input `{name}` has no default and is not given"
        assert value in declared[name].get("options", [value]), f"`{value}` is no value of `{name}`"
    body = INTERPOLATION.sub(lambda found: values[found[1]], body)
    assert "$[[" not in body
    return yaml.safe_load(body)


def component_as_included():
    return component(documents("docs/ci/gitlab-ci.yml")[0]["include"][0]["inputs"])


@check("the GitLab files keep the schema of GitLab")
def _():
    filled = WORK / "gitlab-component.yml"
    filled.write_text(yaml.safe_dump(component_as_included()))
    for path in (filled, "docs/ci/gitlab-ci.yml", "docs/ci/gitlab-parts.yml"):
        tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", path)
    # The head of a component is a document of its own, and in the schema too.
    head = WORK / "gitlab-spec.yml"
    head.write_text((ROOT / "templates/grantlint.yml").read_text().split("\n---\n")[0])
    tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", head)


def gitlab_job(job, folder, environment):
    variables = {name: str(value) for name, value in job.get("variables", {}).items()}
    return shell("\n".join(job["script"]), folder, environment | variables, ("sh", "-e"))


@check("the script of the GitLab component runs")
def _():
    job = component_as_included()["grantlint"]

    def run(folder, environment):
        done = gitlab_job(job, folder, environment)
        artifacts = job["artifacts"]
        holds_reports(folder, *artifacts["paths"], *artifacts["reports"].values())
        assert json.loads((folder / "grantlint.json").read_text())["target"]["name"] == "test"
        return done

    both(run)


@check("the GitLab component hands on what it is told")
def _():
    with server("--fault", FAULT) as (folder, environment):
        job = component({"image": "i", "targets": "production test", "safe": "yes", "fail-on": "never"})["grantlint"]
        done = gitlab_job(job, folder, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        runs = json.loads((folder / "grantlint.json").read_text())["runs"]
        assert [run["target"]["name"] for run in runs] == ["production", "test"]
        assert all(run["summary"]["left_out"] for run in runs), "--safe leaves something out"


@check("the parts of docs/ci/gitlab-parts.yml make a whole")
def _():
    jobs = documents("docs/ci/gitlab-parts.yml")[0]
    part, whole = jobs["grantlint-part"], jobs["grantlint"]

    def run(folder, environment):
        total = part["parallel"]
        for index in range(1, total + 1):
            done = gitlab_job(part, folder, environment | {"CI_NODE_INDEX": str(index), "CI_NODE_TOTAL": str(total)})
            assert done.returncode == 0, done.stdout + done.stderr
        done = gitlab_job(whole, folder, environment)
        holds_reports(folder, *whole["artifacts"]["paths"], *whole["artifacts"]["reports"].values())
        return done

    both(run)


# Jenkins


def groovy_nodes(node, kind):
    if node.type == kind:
        yield node
    for child in node.children:
        yield from groovy_nodes(child, kind)


@check("docs/ci/Jenkinsfile is Groovy, and its commands run")
def _():
    source = (ROOT / "docs/ci/Jenkinsfile").read_bytes()
    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language())).parse(source)
    assert not tree.root_node.has_error, f"no Groovy: {tree.root_node}"
    text = source.decode()
    commands = re.findall(r"^ *sh '([^'\n]+)'$", text, re.MULTILINE)
    assert commands
    bound = re.findall(r"variable: '([A-Z_]+)'", text)
    assert bound == [SECRET]

    def run(folder, environment):
        done = shell("\n".join(commands), folder, environment, ("sh", "-xe"))
        holds_reports(folder, "grantlint.xml", "grantlint.json", "grantlint-html/index.html")
        return done

    both(run)


# Azure


@check("docs/ci/azure-pipelines.yml keeps the schema of Azure Pipelines, and its script runs")
def _():
    path = "docs/ci/azure-pipelines.yml"
    # The schema has escapes that the Unicode patterns of JavaScript refuse.
    azure = ("--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "python")
    tool("check-jsonschema", *azure, path)
    pipeline = documents(path)[0]
    scripts = [step for step in pipeline["steps"] if "script" in step]
    published = [step["publish"] for step in pipeline["steps"] if "publish" in step]
    assert [list(step["env"]) for step in scripts] == [[SECRET]]

    def run(folder, environment):
        done = shell(scripts[0]["script"], folder, environment)
        holds_reports(folder, "grantlint.xml")
        assert all((folder / name).is_dir() for name in published)
        return done

    both(run)


# Kubernetes


def manifests(name):
    return documents(f"docs/ci/kubernetes/{name}.yaml")


def pod_of(manifest):
    spec = manifest["spec"]
    spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
    return spec["template"]["spec"]


def run_container(container, folder, environment, index=None):
    """The container's command, its mounts being folders of ours."""
    own = {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}
    for entry in container.get("env", []):
        if "valueFrom" in entry:
            assert entry["name"] == SECRET and "secretKeyRef" in entry["valueFrom"]
    if index is not None:
        own["JOB_COMPLETION_INDEX"] = str(index)
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) <= {"/etc/grantlint", "/reports"}

    def here(word):
        assert "$(" not in word.replace("$((", ""), "Kubernetes would fill that in"
        for path, ours in (("/etc/grantlint/", f"{folder}/"), ("/reports/", f"{folder}/reports/")):
            if path in word:
                assert path.rstrip("/") in mounts, f"{path} is not mounted"
                word = word.replace(path, ours)
        return word

    (folder / "reports").mkdir(exist_ok=True)
    words = [here(word) for word in [*container.get("command", ["grantlint"]), *container["args"]]]
    # A pod knows what its manifest names and no more.
    known = {"PATH": environment["PATH"]} | own
    if any(entry["name"] == SECRET for entry in container.get("env", [])):
        known[SECRET] = environment[SECRET]
    return subprocess.run(words, cwd=folder, env=known, capture_output=True, text=True, timeout=120)


@check("the manifests keep the schemas of Kubernetes, and the restricted standard for pods")
def _():
    for name in ("cronjob", "indexed-job"):
        tool("kubernetes-validate", "--strict", f"docs/ci/kubernetes/{name}.yaml")
        for manifest in manifests(name):
            if manifest["kind"] == "ConfigMap":
                continue
            pod = pod_of(manifest)
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
            volumes = {volume["name"] for volume in pod["volumes"]}
            for container in pod["containers"]:
                context = container["securityContext"]
                assert context["allowPrivilegeEscalation"] is False and context["capabilities"]["drop"] == ["ALL"]
                assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@check("the target file of the ConfigMap is understood")
def _():
    config = next(manifest for manifest in manifests("cronjob") if manifest["kind"] == "ConfigMap")
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        (Path(folder) / "grantlint.yaml").write_text(config["data"]["grantlint.yaml"])
        done = shell("grantlint check production --dry-run", folder, {"PATH": f"{BINARY.parent}:/usr/bin:/bin", SECRET: "x"})
        assert done.returncode == 0, done.stderr


@check("the CronJob runs")
def _():
    job = next(manifest for manifest in manifests("cronjob") if manifest["kind"] == "CronJob")
    both(lambda folder, environment: run_container(pod_of(job)["containers"][0], folder, environment))


@check("the parts of the Indexed Job make a whole")
def _():
    parts, whole = manifests("indexed-job")
    completions = parts["spec"]["completions"]
    for manifest in (parts, whole):
        named = {entry["name"]: entry.get("value") for entry in pod_of(manifest)["containers"][0]["env"]}
        assert named["PARTS"] == str(completions), "PARTS is the number of completions"

    def run(folder, environment):
        for index in range(completions):
            done = run_container(pod_of(parts)["containers"][0], folder, environment, index)
            assert done.returncode == 0, done.stdout + done.stderr
        done = run_container(pod_of(whole)["containers"][0], folder, environment)
        holds_reports(folder, "reports/grantlint.html")
        assert not list((folder / "reports").glob("*.json")), "the next run finds parts of this one"
        return done

    both(run)


# pre-commit


def git(folder, *words):
    who = ["-c", "user.name=test", "-c", "user.email=test@example.test", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@check("the hooks of pre-commit run")
def _():
    tool("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    tool("pre-commit", "validate-config", "docs/ci/pre-commit-config.yaml")
    with server() as (folder, environment):
        hooks, user = folder / "hooks", folder / "user"
        for repository in (hooks, user):
            repository.mkdir()
            git(repository, "init", "--quiet")
        # `language: rust` would build the program again; it is on the PATH.
        manifest = (ROOT / ".pre-commit-hooks.yaml").read_text().replace("language: rust", "language: system")
        (hooks / ".pre-commit-hooks.yaml").write_text(manifest)
        git(hooks, "add", "--all")
        git(hooks, "commit", "--quiet", "--no-verify", "-m", "hooks")
        config = documents("docs/ci/pre-commit-config.yaml")[0]
        config["repos"][0] |= {"repo": str(hooks), "rev": git(hooks, "rev-parse", "HEAD")}
        (user / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
        shutil.copytree(ROOT / "docs/example/specs", user / "specs")
        target = folder / "grantlint.yaml"
        shutil.copy(target, user)
        git(user, "add", "--all")
        environment |= {"PRE_COMMIT_HOME": f"{folder}/cache", "HOME": str(folder)}
        # The hooks need no secret.
        del environment[SECRET]

        def commit():
            return shell("pre-commit run --all-files", user, environment)

        done = commit()
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("Passed") == 2, done.stdout
        broken = json.loads(target.read_text())
        broken["targets"]["test"]["token_endpont"] = broken["targets"]["test"].pop("token_endpoint")
        (user / "grantlint.yaml").write_text(json.dumps(broken))
        suite = user / "specs/suites/house.yaml"
        suite.write_text(suite.read_text().replace("house/**", "hose/**"))
        done = commit()
        assert done.returncode == 1 and done.stdout.count("Failed") == 2, done.stdout
        assert "did you mean `token_endpoint`" in done.stdout, done.stdout


# The image, and the scripts


@check("hadolint finds nothing in the Containerfile, and its context has what the build reads")
def _():
    tool("hadolint", "Containerfile")
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        for pattern in kept:
            found = list(ROOT.glob(pattern))
            assert found, f"{pattern} of .dockerignore is not there"
            for path in found:
                to = Path(folder) / path.relative_to(ROOT)
                to.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, to)
        for word in re.findall(r"^COPY (?!--from|\. )(.+) \S+$", (ROOT / "Containerfile").read_text(), re.MULTILINE):
            assert all((Path(folder) / name).exists() for name in word.split()), f"{word} is kept out of the context"
        # Reads the manifest and finds every target of it; a build would take minutes.
        tool("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version=1", f"--manifest-path={folder}/Cargo.toml")
        for source in (Path(folder) / "src").rglob("*.rs"):
            # Unit tests stand at the end of a file, and the image is built without them.
            built = source.read_text().split("#[cfg(test)]")[0]
            for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', built):
                assert (source.parent / name).exists(), f"{source.relative_to(folder)} includes {name}, which the context misses"


@check("the image has the program that its build makes, and what it starts is that program")
def _():
    containerfile = (ROOT / "Containerfile").read_text()
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    profile = re.search(r"^RUN cargo build --locked --profile (\S+)$", containerfile, re.MULTILINE)[1]
    assert profile in manifest["profile"], f"there is no profile {profile}"
    name = manifest["package"]["name"]
    copied = re.findall(r"^COPY --from=build (.+) \S+/$", containerfile, re.MULTILINE)
    assert f"/src/target/{profile}/{name}" in copied, f"the image has {copied}"
    toolchain = re.search(r"^FROM docker\.io/library/rust:(\d+)\.(\d+)", containerfile, re.MULTILINE)
    oldest = re.match(r"(\d+)\.(\d+)", manifest["package"]["rust-version"])
    assert tuple(map(int, toolchain.groups())) >= tuple(map(int, oldest.groups())), "its Rust is too old"
    entry = json.loads(re.search(r"^ENTRYPOINT (.+)$", containerfile, re.MULTILINE)[1])
    assert entry == [name] == [BINARY.name]
    # As the image starts it: a user without a home, nothing in the environment, an empty folder.
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        bare = {"cwd": folder, "env": {"PATH": str(BINARY.parent)}, "capture_output": True, "text": True}
        assert subprocess.run([*entry, "--version"], **bare).stdout == f"{name} {manifest['package']['version']}\n"
        assert subprocess.run([*entry, "demo", "-q"], **bare).returncode == 0


@check("shellcheck finds nothing in the scripts")
def _():
    scripts = {"tests/ci/run.sh": None}
    for index, step in enumerate(documents("action.yml")[0]["runs"]["steps"]):
        scripts[f"action-{index}.sh"] = "#!/bin/bash\n" + step["run"]
    jobs = {"component": component_as_included()["grantlint"], **documents("docs/ci/gitlab-parts.yml")[0]}
    for name, job in jobs.items():
        if isinstance(job, dict) and "script" in job:
            scripts[f"gitlab-{name}.sh"] = "#!/bin/sh\n" + "\n".join(job["script"])
    for manifest in manifests("indexed-job"):
        container = pod_of(manifest)["containers"][0]
        scripts[f"{manifest['metadata']['name']}.sh"] = "#!/bin/sh\n" + container["args"][0]
    for name, text in scripts.items():
        path = ROOT / name
        if text is not None:
            path = WORK / name
            path.write_text(text)
        # SC2015: `or stop` after several steps. SC2086: targets are words on purpose. SC2154: variables of the CI system.
        tool("shellcheck", "--exclude=SC2015,SC2086,SC2154", path)


print()
if problems:
    print(f"{len(problems)} of the checks of CI files failed")
    sys.exit(1)
print("every file for CI is as it must be")
