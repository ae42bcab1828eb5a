"""Times dicompyler-core's DVHs; `benchmarks.dvh` runs it in an environment of its own.

Run: ``python dicompyler_times.py RTSTRUCT RTDOSE``: prints JSON, structure -> numbers.
"""

import json
import sys
import time

from dicompylercore import dicomparser, dvhcalc  # only in its own environment


def main() -> None:
    structures, dose = sys.argv[1:3]
    parsed, read = dicomparser.DicomParser(structures), dicomparser.DicomParser(dose)
    found = {}
    for number, structure in parsed.GetStructures().items():
        if structure["empty"]:
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        dvh = dvhcalc.get_dvh(parsed.ds, read.ds, number)
        found[structure["name"]] = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "cm3": float(dvh.volume),
            "mean": float(dvh.mean),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
