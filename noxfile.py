"""Every check of this repository, the same at the desk and in CI: `make test` runs them all.

Sessions use the environment that runs nox (`.venv`, made by `make`), whose packages are locked by hash, so
that a check never waits for an installation. Only `foreign` makes an environment, since it proves that
the built wheel works without this repository.
"""

import os
import shutil
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "foreign"]
nox.options.stop_on_first_error = False

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # the locked tools, not those of the machine
# Tests start many processes, and without compiled code each would compile everything.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LOCKS = {
    "runtime": [],
    "codegen": ["--extra", "codegen"],
    "dev": ["--extra", "dev"],
    "test": ["--extra", "test"],
}
"""Lock file -> which extras it holds; each is a subset of `all.txt`, versions included."""

CORPUS = Path(os.environ.get("HANDFAST_CORPUS", ROOT.parent / "shared" / "corpus" / "openapi"))
"""Real contracts, one `<name>/api.yaml` each; `foreign` takes some of them in where the folder exists."""


SPREAD = ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""A module at a time, so that what it sets up is set up once; one more than two cores, as many tests wait."""


@nox.session
def lint(session: nox.Session) -> None:
    """Style, layout of the text, and drift between contracts and generated code."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("hadolint", "Dockerfile")
    session.run("handfast", "check", "--strict")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy on a cold cache: a warm one misses a changed signature behind a package's re-export."""
    with TemporaryDirectory() as cache:
        session.run("mypy", "--cache-dir", cache, "--num-workers", "2", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Unit, generator, contract and integration tests, with the coverage floor."""
    session.run("coverage", "erase")
    chosen = ("-m", "not long and not better_auth")
    session.run("coverage", "run", "-m", "pytest", *chosen, *SPREAD, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Schemathesis, all phases and all checks, over the reference service; eight times what `tests` does."""
    more = {"HANDFAST_FUZZ_EXAMPLES": "200"}
    session.run("pytest", *(session.posargs or ["tests/contract/test_fuzz.py"]), env=more)


@nox.session(default=False)
def holes(session: nox.Session) -> None:
    """Every planted hole, and every service that must be found sound; `tests` has one of each kind."""
    session.run("pytest", "-m", "planted or long", *SPREAD, *session.posargs)


@nox.session(default=False)
def isolation_fuzz(session: nox.Session) -> None:
    """Two identities over the reference service: at least 10,000 calls, no row leaked, nothing left out."""
    calls = session.posargs or ("--calls", "10000")
    session.run("handfast", "fuzz", "--identities", "2", "--strict", *calls)


@nox.session(default=False)
def evolution(session: nox.Session) -> None:
    """Random changes of contracts with handlers, 1,000 sequences: nothing lost, types as told, it starts.

    `-- --minutes 60` ends it in time and says with which `--start` it goes on.
    """
    session.run("python", "-m", "tests.evolution.sequences", *session.posargs)


@nox.session
def foreign(session: nox.Session) -> None:
    """The built wheel in an empty environment beside nothing but a contract: new, types, start, call."""
    contracts = [*sorted((ROOT / "tests" / "foreign").glob("*.yaml"))]
    names = ("museum", "train-travel", "tictactoe", "swagger-petstore", "uspto", "marquez")
    contracts += [CORPUS / name / "api.yaml" for name in names if (CORPUS / name / "api.yaml").is_file()]
    with TemporaryDirectory() as scratch:
        python = Path(scratch, "venv", "bin", "python")
        wheels = Path(scratch, "wheels")
        session.run("uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", str(wheels))
        session.run("uv", "venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
        install = ("uv", "pip", "install", "--quiet", "--python", str(python))
        session.run(*install, "--require-hashes", "--requirement", "requirements/test.txt")
        session.run(*install, "--no-deps", *(str(wheel) for wheel in wheels.glob("*.whl")))
        session.run(
            str(python),
            "-I",
            "tools/foreign.py",
            "--scratch",
            scratch,
            *session.posargs,
            *map(str, contracts),
        )


@nox.session(default=False)
def better_auth(session: nox.Session) -> None:
    """A real Better Auth server (npm, Node.js 20 or later) signs people in; the service takes its tokens."""
    source = ROOT / "tests" / "better_auth"
    lock = (source / "package-lock.json").read_bytes()
    folder = ROOT / ".nox" / "better_auth-packages" / sha256(lock).hexdigest()[:16]
    installed = folder / "installed"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.mjs"):
        shutil.copyfile(source / name, folder / name)
    if not installed.exists():
        session.run("npm", "ci", "--prefix", str(folder), "--no-audit", "--no-fund", external=True)
        installed.touch()
    folder_of = {"BETTER_AUTH_TEST_FOLDER": str(folder)}
    session.run("pytest", "-m", "better_auth", *(session.posargs or ["tests/better_auth"]), env=folder_of)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The service beside its peers: CPU per request, requests per second, latency, memory, start-up.

    `-- --write docs/performance.md` writes the page, its picture and the ratio that a test holds us to.
    """
    session.run("python", "-m", "tools.bench", *session.posargs)


@nox.session(default=False)
def profile(session: nox.Session) -> None:
    """A flame graph of the service for each scenario, in reports/."""
    session.run("python", "-m", "tools.bench.profile", *session.posargs)


@nox.session(default=False)
def corpus(session: nox.Session) -> None:
    """Real contracts: generated, checked, and held against their own mocks by Schemathesis; a table."""
    session.run("python", "-m", "tools.corpus", *session.posargs, env={"HANDFAST_CORPUS": str(CORPUS)})


@nox.session(default=False)
def patterns(session: nox.Session) -> None:
    """Random patterns held against Node.js: ours mean what ECMA-262 says, or generation tells of them."""
    session.run("python", "-m", "tools.ecmascript", *session.posargs)


@nox.session(default=False)
def compare(session: nox.Session) -> None:
    """Other generators beside ours on real contracts; a table, with `-- --write FILE` a page."""
    env = {"HANDFAST_CORPUS": str(CORPUS)}
    session.run("python", "-m", "tools.compare", *session.posargs, env=env, success_codes=[0, 75])


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """The security audit: every threat with its tests and results, in reports/audit.md and audit.json."""
    session.run("python", "-m", "tools.audit", *session.posargs)


@nox.session(default=False)
def advisories(session: nox.Session) -> None:
    """Known vulnerabilities of the locked packages; skipped, with a word, where nobody can be asked."""
    session.run("python", "-m", "tools.advisories", *session.posargs, success_codes=[0, 75])


@nox.session(default=False)
def sbom(session: nox.Session) -> None:
    """The bill of materials as the build puts it into the wheel, in reports/handfast.cdx.json."""
    folder = ROOT / "reports"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        session.run("uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", scratch)
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".cdx.json"))
            (folder / "handfast.cdx.json").write_bytes(archive.read(name))


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Renew the lock files: versions and hashes for every platform from Python 3.11 on, no addresses."""
    compile_ = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11")
    form = ("--generate-hashes", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    header = ("--custom-compile-command", "make lock")
    folder = ROOT / "requirements"
    everything = folder / "all.txt"
    common = (*compile_, *form, *header, "pyproject.toml")
    session.run(
        *common, "--all-extras", "--group", "work", "--output-file", str(everything), *session.posargs
    )
    constraint = ("--constraint", str(everything), "--upgrade")
    for name, extras in LOCKS.items():
        session.run(*common, *extras, *constraint, "--output-file", str(folder / f"{name}.txt"))
    source = folder / "bootstrap.in"
    pins = [
        line.split()[0]
        for line in everything.read_text().splitlines()
        if line.startswith(("uv==", "hatchling=="))
    ]
    source.write_text("\n".join(["# What installs everything else, in the versions of all.txt.", *pins, ""]))
    session.run(
        *compile_, *form, *header, str(source), *constraint, "--output-file", str(folder / "bootstrap.txt")
    )
    session.run("python", "-m", "tools.licences")
