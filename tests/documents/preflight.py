"""PDF/A-1b as judged by Preflight (Apache PDFBox), one run for a whole folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lxml import etree

JARS = "preflight pdfbox2 xmpbox fontbox2 commons-logging commons-io javax.activation jaxb-api"


def preflight(folder: Path) -> dict[str, bool]:
    """Whether each PDF of a folder is PDF/A-1b, by file name."""
    classpath = ":".join(f"/usr/share/java/{name}.jar" for name in JARS.split())
    subprocess.run(
        ["java", "-cp", classpath, "org.apache.pdfbox.preflight.Validator_A1b", "xml", "group", folder],
        capture_output=True,
        check=True,
    )
    report = etree.parse(folder.with_name(f"{folder.name}.preflight.xml"))
    return {
        result.get("name"): result.findtext("isValid") == "true"
        for result in report.getroot().iterfind("preflight")
    }
