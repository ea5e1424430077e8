from __future__ import annotations

import pytest
from lab_workload import SettingError, env_choice, env_number, env_text


def test_an_empty_setting_is_not_set():
    assert env_text("NAME", "default", {"NAME": " "}) == "default"
    assert env_number("N", 5, environ={"N": ""}) == 5


def test_numbers_are_read():
    assert env_number("N", 5, environ={"N": "0.25"}) == 0.25


@pytest.mark.parametrize("text", ["x", "nan", "inf", "-1", "11"])
def test_a_wrong_number_names_the_setting_and_the_range(text):
    with pytest.raises(SettingError, match=r"N='.*': expected a number from 0 to 10"):
        env_number("N", 5, maximum=10, environ={"N": text})


def test_infinity_is_no_number_even_without_a_maximum():
    with pytest.raises(SettingError):
        env_number("N", 5, environ={"N": "inf"})


def test_a_choice_ignores_case_and_names_what_is_possible():
    assert env_choice("C", "on", ("on", "off"), {"C": "OFF"}) == "off"
    with pytest.raises(SettingError, match="C='maybe': expected one of on, off"):
        env_choice("C", "on", ("on", "off"), {"C": "maybe"})
