"""Taxa of the paper's Table 3, as printed there and corrected in spelling; used to catch typing errors.

Taxids only where a document states them (SOURCES 1.4 of the project's source catalogue); the others are
resolved by exact name when the assembly summary is read.
"""

from __future__ import annotations

KNOWN_TAXA: dict[str, int | None] = {
    "Bubalus bubalis": 89462,
    "Camelus dromedarius": 9838,
    "Homo sapiens": 9606,
    "Macaca assamensis": 9551,
    "Macaca nigra": 54600,
    "Peromyscus californicus": 42520,
    "Fusarium annulatum": None,
    "Melampsora": None,
    "Metschnikowia": None,
    "Mucor saturninus": None,
    "Penicillium chermesinum": None,
    "Sporopachydermia quercuum": None,
    "Tranzscheliella williamsii": None,
    "Xylariales": None,
}
