"""What tells modules and their clients apart, and what each way to a module needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsm_meter_bridge.config import load_config
from gsm_meter_bridge.errors import ConfigError


def _problems(folder: Path, text: str) -> list[str]:
    """What is said of the file, without its name and the lines."""
    file = folder / "config.yaml"
    file.write_text(text, "utf-8")
    try:
        load_config(file)
    except ConfigError as error:
        return [problem.removeprefix(f"{file}: ").partition(": ")[2] for problem in error.problems]
    return []


def _file(*modules: str, modems: str = "{id: m, url: /dev/m}", more: str = "") -> str:
    """Modules a, b and so on with options."""
    rows = "".join(
        f"- {{id: {chr(97 + n)}, family: lers_gsm_mini, number: '+7999000010{n}', {one}}}\n"
        for n, one in enumerate(modules)
    )
    return f"mqtt: {{host: h}}\nmodems: [{modems}]\n{more}\nmodules:\n{rows}"


_SAME = "a client that matches this may also be"


@pytest.mark.parametrize(
    ("clients", "rivals"),
    [
        (["imei: 1", "imei: 1", "imei: 1"], ["ba", "ca", "cb"]),
        (["imei: 1", "serial_number: 1", "meter_serial: 1"], []),
        (["imei: 1, serial_number: 2", "imei: 1, serial_number: 3"], []),
        (["imei: 1, serial_number: 2", "serial_number: 2, meter_serial: 3"], []),
        (["imei: 1, serial_number: 2", "serial_number: 2"], ["ba"]),
        (["serial_number: 2", "imei: 1, serial_number: 2"], ["ba"]),
        (["imei: 1, networks: [10.0.0.0/8]", "imei: 1"], ["ba"]),
        (["imei: 1", "imei: 1, networks: [10.0.0.0/8]"], ["ba"]),
        (["imei: 1, networks: [10.0.0.0/8]", "imei: 1, networks: [11.0.0.0/8, 10.1.0.0/16]"], ["ba"]),
        (["imei: 1, networks: [10.0.0.0/8]", "imei: 1, networks: ['a00::/8']"], []),
        # by their addresses alone
        (["networks: [10.0.0.0/8, 10.1.0.0/16]"], []),
        (["networks: [10.0.0.0/8]", "networks: [10.255.0.0/16]", "networks: [10.255.1.0/24]"], ["ba", "ca"]),
        (["networks: [10.0.0.0/8]", "networks: [10.0.0.0/16]", "networks: [10.0.0.0/24]"], ["ba", "ca"]),
        (["networks: [10.0.0.0/24]", "networks: [10.0.0.0/16]", "networks: [10.0.0.0/8]"], ["ca", "cb"]),
        (["networks: [10.0.0.0/8]", "networks: [10.0.0.0/8]"], ["ba"]),
        (["networks: [10.0.0.0/8]", "networks: [11.0.0.0/8]", "networks: [11.1.0.0/16]"], ["cb"]),
        (["networks: [10.0.0.0/8, 'fd00::/8']", "networks: [12.0.0.0/8, 'fd00::1']"], ["ba"]),
        (["networks: [255.0.0.0/8]", "networks: ['::/8']", "networks: ['::1']"], ["cb"]),
        (["networks: [10.0.0.0/8]", "imei: 1, networks: [10.0.0.0/8]"], []),
    ],
)
def test_clients_are_told_apart_unless_one_may_be_the_other(
    tmp_path: Path, clients: list[str], rivals: list[str]
) -> None:
    text = _problems(tmp_path, _file(*(f"identify_by: {{{one}}}" for one in clients)))
    assert sorted(text) == [
        f"modules.{ord(pair[0]) - 97}.identify_by: {_SAME} {pair[1]}; give what distinguishes the two"
        for pair in rivals
    ]


@pytest.mark.parametrize("claim", ["imei", "serial_number", "meter_serial"])
@pytest.mark.parametrize("many", [50, 51])
def test_modules_known_by_one_number_are_fifty_at_most(tmp_path: Path, claim: str, many: int) -> None:
    rows = "".join(
        f"- {{id: m{n}, family: lers_gsm_mini, number: '+79990000{n:03}',"
        f" identify_by: {{{claim}: 1, networks: [10.0.{n}.0/24]}}}}\n"
        for n in range(many)
    )
    assert _problems(tmp_path, f"mqtt: {{host: h}}\nmodules:\n{rows}") == (
        [f"modules.50.identify_by.{claim}: more than 50 modules are known by one {claim}"]
        if many > 50
        else []
    )


_TCP = "tcp: {host: 10.0.0.1, port: 1}"
_IMEI = "identify_by: {imei: 1}"
_DATA = "data_calls: true"
_METER = "meter: {protocol: iec}"
_GIVE = "give tcp: ..., identify_by: ..., or data_calls: true"
_CSD = "modules.0: a: poll_transports: csd needs data_calls: true, and meter: {protocol: ...}"
_READER = "modules.0: a: meter: the client reader needs a password"
_CENC = "modules.0: a: transport: cenc needs tcp: {host: ..., port: ..., via: cenc}"
_NOT_BY_SMS = (
    "modules.0: a: data_calls: the modem that sends its SMS makes the calls; not with transport: tcp"
)
_DIALS = "modules.0: a: transport: tcp needs tcp: {host: ..., port: ...}, or identify_by: ... if it connects"
_EITHER = "modules.0: a: data_calls: a module is dialled by tcp: ... or by a data call; give one of them"


@pytest.mark.parametrize(
    ("module", "text"),
    [
        *((f"{_METER}, {transport}", []) for transport in (_TCP, _IMEI, _DATA)),
        *((f"tunnel: {{port: 5}}, {transport}", []) for transport in (_TCP, _IMEI, _DATA)),
        (_METER, [f"modules.0: a: meter: it is read over a connection; {_GIVE}"]),
        ("tunnel: {port: 5}", [f"modules.0: a: tunnel: it leads to a connection; {_GIVE}"]),
        (f"meter: {{client: public}}, {_TCP}", []),
        (f"meter: {{client: reader, password: p}}, {_TCP}", []),
        (f"meter: {{client: reader}}, {_TCP}", [_READER]),
        (f"poll_transports: [csd], {_DATA}, {_METER}", []),
        (f"poll_transports: [csd], {_DATA}", [_CSD]),
        (f"poll_transports: [csd], {_TCP}, {_METER}", [_CSD]),
        (f"{_DATA}, {_TCP}", [_EITHER]),
        (f"{_DATA}, {_IMEI}", []),
        (f"{_DATA}, {_IMEI}, transport: tcp", [_NOT_BY_SMS]),
        (f"transport: cenc, {_TCP}", [_CENC]),
        (f"transport: cenc, {_IMEI}", [_CENC]),
        ("transport: tcp", [_DIALS]),
        (
            "transport: direct_channel",
            ["modules.0: a: transport: direct_channel needs direct_channel: {url: ..., password: ...}"],
        ),
        ("modem: m", []),
        ("group: north", []),
        ("modem: m, group: north", ["modules.0: a: expected either modem or group"]),
        ("modem: x", ["modules.0.modem: a: modem: 'x' is not allowed; allowed: m, n"]),
        ("group: x", ["modules.0.group: a: group: 'x' is not allowed; allowed: north"]),
    ],
)
def test_way_to_module_has_all_that_it_needs(tmp_path: Path, module: str, text: list[str]) -> None:
    modems = "{id: m, url: /dev/m, group: north}, {id: n, url: /dev/n}"
    assert _problems(tmp_path, _file(module, modems=modems)) == text


@pytest.mark.parametrize(("transport", "refused"), [("", True), (f", transport: tcp, {_TCP}", False)])
def test_password_that_no_sms_carries_is_refused_for_sms_only(
    tmp_path: Path, transport: str, *, refused: bool
) -> None:
    (text,) = _problems(tmp_path, _file(f"password: 'a b'{transport}"))
    assert ("modules.0.password: this one can never work; expected " in text) == refused


def test_unknown_modem_is_refused_with_ten_known_ones(tmp_path: Path) -> None:
    modems = ", ".join(f"{{id: m{n:02}, url: /dev/{n}}}" for n in range(12))
    (text,) = _problems(tmp_path, _file("modem: x", modems=modems))
    assert text.endswith("is not allowed; allowed: m00, m01, m02, m03, m04, m05, m06, m07, m08, m09")


_CABLE = "direct_channel: {url: /dev/x, password: p"
_SHARED = "several modules share this cable; give each meter's address, each another one"
_TUNNELS = "modules: port 5 is used 2 times: by the tunnel of"


@pytest.mark.parametrize(
    ("modules", "text"),
    [
        ([f"{_CABLE}}}"], []),
        ([f"{_CABLE}, address: 1}}", f"{_CABLE}, address: 2}}", f"{_CABLE}, address: 3}}"], []),
        ([f"{_CABLE}, address: 1}}", f"{_CABLE}, address: 1}}"], [f"modules.1.direct_channel: {_SHARED}"]),
        ([f"{_CABLE}, address: 1}}", f"{_CABLE}}}"], [f"modules.1.direct_channel: {_SHARED}"]),
        ([f"{_CABLE}}}", f"{_CABLE}}}", f"{_CABLE}}}"], [f"modules.1.direct_channel: {_SHARED}"]),
        (
            ["direct_channel: {url: /dev/m, password: p}"],
            ["modules.0.direct_channel.url: this is the port of the modem m"],
        ),
        (
            [_TCP, _TCP, _TCP],
            [f"modules.{n}.tcp: 10.0.0.1:1 is dialled for a; one address is one module" for n in (1, 2)],
        ),
        (
            [f"{_IMEI[:-1]}{n}}}, tunnel: {{port: 5, host: {host}}}" for n, host in enumerate("hi")],
            [],
        ),
        (
            [f"{_IMEI[:-1]}{n}}}, tunnel: {{port: 5, host: {host}}}" for n, host in enumerate("hih")],
            [f"{_TUNNELS} a, and by the tunnel of c"],
        ),
        (
            [
                f"{_IMEI[:-1]}{n}}}, tunnel: {{port: 5, host: {host}}}"
                for n, host in enumerate(("h", "i", "0.0.0.0", "j"))
            ],
            [f"{_TUNNELS} a, and by the tunnel of c", f"{_TUNNELS} c, and by the tunnel of d"],
        ),
    ],
)
def test_cables_addresses_and_ports_are_used_once(
    tmp_path: Path, modules: list[str], text: list[str]
) -> None:
    assert _problems(tmp_path, _file(*modules)) == text


@pytest.mark.parametrize(
    ("modems", "text"),
    [
        ("{id: m, url: a}, {id: n, url: b}", []),
        ("{id: m, url: a, budget: {day: 5, month: 4, reserve: 4}}", []),
        (
            "{id: m, url: a, budget: {day: 5, month: 4, reserve: 6}}",
            ["modems.0.budget.reserve: 6 is above day: 5; allowed: a part of it"],
        ),
        (
            "{id: m, url: a, budget: {reserve: 1}}",
            ["modems.0.budget.reserve: it is a part of day or month; give one of them"],
        ),
        (
            "{id: m, url: a}, {id: m, url: b}, {id: m, url: c}",
            ["modems: id 'm' is used 3 times; each modem needs its own"],
        ),
        ("{id: m, url: a}, {id: n, url: a}", ["modems: url 'a' is used 2 times; each modem needs its own"]),
        (
            "{id: m, url: a}, {id: n, url: b, number: +79990000100}",
            ["modems.1.number: +79990000100 is the number of a; our modem has another one"],
        ),
    ],
)
def test_modems_have_ids_ports_numbers_and_reserves_of_their_own(
    tmp_path: Path, modems: str, text: list[str]
) -> None:
    assert _problems(tmp_path, _file("", modems=modems)) == text


@pytest.mark.parametrize(
    ("mqtt", "text"),
    [
        ("username: u", []),
        ("username: u, password: p", []),
        ("tls: {cert_file: c}", []),
        ("tls: {cert_file: c, key_file: k}", []),
        ("tls: {ca_file: c}", []),
        ("password: p", ["mqtt.password: a password needs a username"]),
        ("tls: {key_file: k}", ["mqtt.tls.key_file: a key needs its certificate: cert_file"]),
    ],
)
def test_login_and_key_of_broker_have_what_they_need(tmp_path: Path, mqtt: str, text: list[str]) -> None:
    assert _problems(tmp_path, _file("").replace("host: h", f"host: h, {mqtt}")) == text
