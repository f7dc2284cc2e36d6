"""How the manual's values are written in any reply. The manual does not describe their requests."""

from __future__ import annotations

from gsm_meter_bridge.model import Shape, ShapeField

_START, _END = r"(?<![\w.-])", r"(?![\w.-]*\w)"
_GROUP_1 = r"(?P<sim>[01])(?P<gprs>[0-3ABFabf])(?P<meter_link>[0A-Da-d])"
_GROUP_2 = r"(?P<registration>[0-5Ff])(?P<band>[0-9A-Ca-c])(?P<level>[0-9])"
_SIM_FIELD = ShapeField("sim", "sim", "sim")
_GPRS_FIELD = ShapeField("gprs", "gprs", "gprs_state")
_METER_LINK_FIELD = ShapeField("meter_link", "meter_link", "meter_link")
_REGISTRATION_FIELD = ShapeField("registration", "registration", "registration")
_BAND_FIELD = ShapeField("band", "band", "band")
_GROUP_1_FIELDS = (_SIM_FIELD, _GPRS_FIELD, _METER_LINK_FIELD)
_LEVEL_FIELDS = (
    ShapeField("level", "signal_level", "signal_level"),
    ShapeField("level", "signal_dbm", "signal_dbm"),
)
_GROUP_2_FIELDS = (_REGISTRATION_FIELD, _BAND_FIELD, *_LEVEL_FIELDS)
_NTH = r"(?:group|групп\w*|гр\.?|\bg)\W{0,2}(?:№|no\.?)?\s*%d(?=\W)"


_OTHER_SCALE = (
    r"\s*(?:%|/|°|\(?[0-9]{3,4}\b|(?:из|of)\b(?!\s*9\b)|out\b|раз|times?\b|шт|bars?\b|сек|мин\b|min\b|sec|[GГ]\b|сесси|"
    r"попыт|attempt|retr|session|байт|byte|[KК][BБ]|дн[еяи]|days?\b|hour|[MМ]H?[zГ]|час)|[,:][0-9]"
)
"""What follows a count or a quantity with a unit, which is no digit of a table."""


_DIGIT = r"\W+(?:digit|цифр\w*)"
"""Words for values that only the manual's tables have."""


def _digit(
    field: ShapeField,
    codes: str,
    clause: str,
    label: str,
    *,
    through: str,
    unless: str | None = None,
    sure: bool = True,
) -> Shape:
    pattern = rf"(?<![\w.-])(?P<{field.group}>[{codes}])(?![\w%]|\.[0-9])"
    return Shape(clause, pattern, (field,), label, None, unless, _OTHER_SCALE, through, sure)


_LEVEL = r"level|уров\w+|signal|сигнал\w*"
_LEVELS_BELOW = (
    r"level|signal|сигнала?|strength|gsm|lte|уров\w+|сети|сотов\w+|network|cellular|связи|приема|приёма"
)
_NOT_LEVEL = r"csq|quality|качеств\w*|battery|батаре\w*|заряд\w*|порог\w*|threshold|min\w*|max\w*|log"
_BAND = r"\bband|диапазон\w*"
_METER = r"\bmeter\b|сч[её]тчик(?:а|ом|у)?\b|прибор(?:а|ом|у)?\b"
_LINK = r"link|connection|связ[ьи]|обмен\w*"
_SIM = r"\b(?:sim|сим)\b(?:-?карт\w*)?"
_PRESENT = (
    r"present|presence|inserted|detected|installed|есть|наличи\w*|вставлен\w*|обнаружен\w*|установлен\w*"
)
_STATUS = r"\bstat(?:us|e)?\b|статус\w*|состояни[еяю]"
_BYTE = r"octet|byte|байт\w*"
_OCTET = r"\boctet\b(?=\s*[:=])|байт\w*(?=\s*[:=])"


def _has_letter(text: str) -> bool:
    return any(character.isalpha() for character in text)


SHAPES = (
    Shape(
        "7.2",
        rf"{_START}(?P<firmware>[cCсС][0-9]+(?:\.[0-9]+)*v[0-9]+(?:\.[0-9]+)?\.[0-9]{{4}}(?:\.[0-9]+)*)(?!\w)",
        (ShapeField("firmware", "firmware"),),
    ),
    Shape(
        "7.1 Table 6",
        rf"{_START}{_GROUP_1}[\s,;:/|.-]{{1,3}}{_GROUP_2}{_END}",
        (*_GROUP_1_FIELDS, *_GROUP_2_FIELDS),
        check=_has_letter,
    ),
    Shape(
        # digits alone may be anything: they count only on their own line, or after a label
        "7.1 Table 6",
        rf"{_START}{_GROUP_1}[\s,;:/|.-]{{1,3}}{_GROUP_2}{_END}",
        (*_GROUP_1_FIELDS, *_GROUP_2_FIELDS),
        r"(?:\n|[,;])(?=\W*\Z)|\bstat\w*|состояни\w*|статус\w*|групп\w*|groups?|display|lcd|tablo|диспле\w*|табло|индикатор\w*|экран\w*",
        unless_after=r"[ \t]+\w",
        through="",
    ),
    Shape("7.1 Table 6", rf"{_START}{_GROUP_1}{_END}", _GROUP_1_FIELDS, f"(?:{_NTH % 1})"),
    Shape("7.1 Table 6", rf"{_START}{_GROUP_2}{_END}", _GROUP_2_FIELDS, f"(?:{_NTH % 2})"),
    *(
        Shape(
            # bits 2 and 4 are reserved, 4 to 7 in the last three undefined
            "appendix A",
            rf"(?<![\w.-]){hexadecimal}(?:0x)?(?P<octet>[0-9A-Fa-f][0-9A-Fa-f])[hH]?(?![\w%-]|\.\w)",
            (
                ShapeField("octet", "sim", None, 0),
                ShapeField("octet", "internet", None, 1),
                ShapeField("octet", "tcp", None, 3),
                ShapeField("octet", "cenc", "cenc_state", 5, 3),
            ),
            label,
            check=lambda text: not int(text.rstrip("hH"), 16) & 0b10010100,
            unless=r"сч[её]тчик\w*|meter|прибор\w*",
            unless_after=_OTHER_SCALE,
            through=r"octet|byte|байт\w*|hex|связи|modem|модема",
            sure=sure,
        )
        for label, hexadecimal, sure in (
            (rf"(?:{_STATUS})\W+(?:{_BYTE})|(?:{_BYTE})\W+(?:of\W+)?(?:{_STATUS})", "", True),
            (rf"{_STATUS}|{_OCTET}", r"(?=0x|[0-9A-Fa-f]{2}[hH]|[0-9A-Fa-f]?[A-Fa-f])", True),
            (rf"{_STATUS}|{_OCTET}", "", False),
        )
    ),
    Shape(
        "7.1",
        rf"{_START}(?P<meter_type>[CСcс][EЕeе](?:[23][0-9]{{2}}|\s[23][0-9][1-9])(?![0-9]|-[0-9])(?:[-_.]?[A-Za-zА-Яа-я0-9]+)*)(?!\w)",
        (ShapeField("meter_type", "meter_type"),),
    ),
    Shape(
        "9.1",
        r"(?<![\w.-])(?P<meter_serial>[0-9]{8,16})(?!\w|\.\w)",
        (ShapeField("meter_serial", "meter_serial"),),
        r"meter|serial|\bsn\b|s/n|сч[её]тчик\w*|сч\.|заводск\w*|\bзав\.|серийн\w*|(?:\A|\n)\s*№"
        r"|[CСcс][EЕeе]\s?[0-9]{3}\w*\s*(?=\n|[ :№])\n?",
        unless=r"imei|iccid|имей|модем\w*|modem|модул\w*|module|порт\w*|port|sim|сим\w*|imsi",
        unless_after=r"\s*(?:[kMкМ]?(?:Wh|Вт|var|вар)|imp|имп)",
        through=r"num|id|serial|sn|n|зав|заводск\w*|серийн\w*|сч[её]тчик\w*|прибор\w*|уч[её]та|meter|factory|№|type|тип\w*",
    ),
    _digit(
        ShapeField("mode", "mode", "mode"),
        "0126",
        "9.2",
        r"\bmode|режим\w*",
        through=r"работы|work|working|operating|operation|связи|соединения|sms|смс|client|server|клиент\w*|сервер\w*|cenc",
        unless=r"network|sleep|power|сет[иь]|сон|сна|sim",
    ),
    Shape(
        "7.1 Table 4",
        r"(?<![\w.-])(?P<level>[0-9])(?=\s*(?:of|out of|из|/)\s*9\b)",
        _LEVEL_FIELDS,
        _LEVEL,
        unless=_NOT_LEVEL,
        through=_LEVELS_BELOW,
    ),
    *(
        Shape(
            "7.1 Table 4",
            r"(?<![\w.-])(?P<level>[0-9])(?![\w%]|\.[0-9]|\s*[dDдД][BbБб])",
            _LEVEL_FIELDS,
            label,
            unless=_NOT_LEVEL,
            unless_after=_OTHER_SCALE,
            through=_LEVELS_BELOW,
            sure=sure,
        )
        for label, sure in ((rf"(?:{_LEVEL}){_DIGIT}", True), (_LEVEL, False))
    ),
    # a letter cannot be a band's number; a digit can
    *(
        _digit(
            _BAND_FIELD,
            codes,
            "7.1 Table 5",
            label,
            through=r"frequency|частот\w*|band|работы|связи|сети|network",
            unless=r"lte|gsm|wcdma|umts|e?utran|[234][gг]",
            sure=sure,
        )
        for codes, label, sure in (
            ("0-9A-C", rf"(?:{_BAND}){_DIGIT}", True),
            ("A-C", _BAND, True),
            ("0-9", _BAND, False),
        )
    ),
    *(
        _digit(
            _REGISTRATION_FIELD,
            "0-5Ff",
            "7.1 Table 6",
            label,
            through=r"reg\w*|istration|istered|регистр\w*|сет[ьи]|network|gsm|modem",
            unless=r"режим\w*|mode|тип\w*|type|уров\w*|level|signal|сигнал\w*|диапазон\w*|band|порт\w*|port",
            sure=sure,
        )
        for label, sure in ((r"\breg|регистр\w*", True), (r"\bсет[ьи]|network", False))
    ),
    # 0 and 1 may mean no and yes
    *(
        _digit(
            _GPRS_FIELD,
            codes,
            "7.1 Table 6",
            r"gprs|пакетн\w*",
            through=r"connection|связ[ьи]|соединени\w*|подключени\w*|data|данн\w*|packet|режим\w*|передач\w*",
            unless=r"class|класс\w*|attach\w*",
            sure=sure,
        )
        for codes, sure in (("ABF", True), ("0-3", False))
    ),
    *(
        _digit(
            _METER_LINK_FIELD,
            codes,
            "7.1 Table 6",
            label,
            through=r"link|connection|связ[ьи]|обмен\w*|уч[её]та|read\w*|опрос\w*",
            sure=sure,
        )
        for codes, label, sure in (
            (
                "A-D",
                rf"(?:{_METER})\W+(?:{_LINK})|(?:{_LINK})\W+(?:(?:to|with|the|со?)\W+)*(?:{_METER})",
                True,
            ),
            ("0A-D", _METER, False),
        )
    ),
    # without more, the digit may be the number of a slot
    *(
        _digit(
            _SIM_FIELD,
            "01",
            "7.1 Table 6",
            label,
            through=r"card|карт\w*|present|есть|inserted|detected|installed|наличи\w*|вставлен\w*|обнаружен\w*|установлен\w*",
            unless=r"slot|слот\w*|актив\w*|active|используе\w*|used|pin",
            sure=sure,
        )
        for label, sure in (
            (rf"{_SIM}(?:\W+(?:card|карт\w*))?\W+(?:{_PRESENT})|(?:{_PRESENT})\W+(?:of\W+)?{_SIM}", True),
            (_SIM, False),
        )
    ),
)
