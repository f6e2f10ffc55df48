"""Hostile models through the pages: Overview warns, Run and Predict refuse what they want."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack_models import ATTACKS, SECRET
from tests.pages import app

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_hostile_model_on_every_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = ATTACKS[name](tmp_path / "canary")
    folder = attack.save_model(tmp_path / "model")
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    at = app.started()
    at.text_input(key="open_path_text").set_value(str(folder)).run()
    at.button(key="open_path").click()
    app.on(app.settled(at.run()), "overview")
    tables = [frame.value for frame in at.dataframe if "On this server" in frame.value]
    (found,) = [t for t in tables if attack.refused in set(t["Op or layer"])]
    row = found.set_index("Op or layer").loc[attack.refused]
    assert row["On this server"] == "refused"
    warned = [str(item.value) for item in at.warning if attack.refused in str(item.value)]
    assert (not row.get("Reached by")) == attack.harmless_fetch == (not warned)
    app.on(at, "optimise")
    at.button(key="run").click()
    app.settled(at.run())
    assert not at.exception
    skipped = [frame.value for frame in at.dataframe if "why" in frame.value]
    reasons = " ".join(str(why) for frame in skipped for why in frame["why"])
    if attack.foldable:
        assert f"not computed ahead: {attack.refused}" in reasons
    app.on(at, "predict")
    at.button(key="predict").click()
    app.settled(at.run())
    assert not at.exception
    assert not (attack.writes and attack.target.exists())
    if name != "descriptor_source":  # what would come out there is the model's own
        assert SECRET not in app.texts(at)
        assert not any(SECRET in frame.value.to_string() for frame in at.dataframe)
