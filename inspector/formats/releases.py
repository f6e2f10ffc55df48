"""Which release of TensorFlow a GraphDef version means, and which versions TensorFlow refuses.

Until release 1.13 the version changed with the format; since May 2019 it counts days. A release has
the number of the day on which its branch was made, and a nightly build that of the release after
it. The numbers of 1.0, 1.2, 1.9 to 1.13, 1.15, 2.0, 2.3, 2.4, 2.11, 2.12, 2.15 and 2.21 were read
in files of these; the others are those of the days around the branch.

Source: tensorflow/core/public/version.h, where the number of 2.21 has the date 2026/1/16.
"""

from __future__ import annotations

from bisect import bisect_left

CONSUMER = 2474
"""The GraphDef version of the TensorFlow that runs models here, 2.21."""

_LAST = (
    (20, "before 1.0"),
    (21, "1.0"),
    (23, "1.1"),
    (24, "1.2 to 1.4"),
    (25, "1.4 or 1.5"),
    (26, "1.5 to 1.10"),
    (27, "1.11 to 1.13"),
    (60, "1.14"),
    (126, "2.0"),
    (140, "1.15"),
    (250, "2.1"),
    (345, "2.2"),
    (450, "2.3"),
    (570, "2.4"),
    (725, "2.5"),
    (820, "2.6"),
    (910, "2.7"),
    (1000, "2.8"),
    (1095, "2.9"),
    (1215, "2.10"),
    (1295, "2.11"),
    (1405, "2.12"),
    (1492, "2.13"),
    (1590, "2.14"),
    (1655, "2.15"),
    (1785, "2.16"),
    (1900, "2.17"),
    (2010, "2.18"),
    (2145, "2.19"),
    (2315, "2.20"),
    (2484, "2.21"),
)
"""The last version that counts as a release, some days after its branch, and the release."""


def release_of(producer: int) -> str:
    """The release that writes graphs of this version, e.g. ``2.21`` or ``1.5 to 1.10``.

    Empty for a graph that states no version.
    """
    if producer < 1:
        return ""
    place = bisect_left(_LAST, (producer,))
    return _LAST[place][1] if place < len(_LAST) else f"newer than {_LAST[-1][1]}"
