"""``python -m benchmarks [names] [--list]``: run the benchmarks in turn, print their tables, keep their results."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time

import benchmarks
from benchmarks import common


def available() -> list[str]:
    """The names of all benchmarks: every module of this folder but the driver and what is shared."""
    names = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in names if name not in ("__main__", "common"))


def run(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    begin = time.perf_counter()
    result = module.run()
    path = common.write_result(name, result)
    title = (module.__doc__ or name).strip().splitlines()[0]
    print(f"\n{name}: {title}\n\n{module.table(result)}\n")
    print(f"{time.perf_counter() - begin:.0f} s; kept in {path.relative_to(path.parents[2])}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(available())}; all by default")
    parser.add_argument("--list", action="store_true", help="print the names only")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(available()))
        return 0
    unknown = [name for name in options.names if name not in available()]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(available())}")
    for name in options.names or available():
        run(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
