"""What a column's name says of personal data in it. A guess: its values must bear it out (`personal_data`).

Names are read word by word (``attr_phoneNumber`` is *phone*, *number*), without accents; in scripts
that do not part words a hint may stand anywhere in the name.
"""

import re
import unicodedata
from collections.abc import KeysView

# in this order: an "email address" is no address, a "phone name" no name
_WORDS = {
    "email": "email emails mail mails correo courriel epost eposta",
    "phone": "phone phones telephone tel telefon telefono telefone telefoon mobile mobil movil celular cellulare cell "
    "cellphone handy portable gsm fax msisdn whatsapp phonenumber mobilenumber telefonnummer handynummer mobilnummer",
    "id_number": "ssn passport passeport pasaporte passaporto reisepass ausweis personalausweis ausweisnummer dni nie "
    "nif cpf curp iban aadhaar idcard idnumber nationalid taxid steuerid creditcard cardnumber kreditkarte",
    "address": "address addr adresse anschrift street strasse direccion domicilio calle rue indirizzo endereco rua "
    "adres ulica straat ip",
    "name": "firstname lastname surname forename fullname givenname familyname vorname nachname familienname nombre "
    "nombres apellido apellidos prenom nom nome cognome sobrenome naam voornaam achternaam imie nazwisko",
}
_PHRASES = {
    "id_number": "id number, id no, id card, national id, social security, tax id, credit card, card number, "
    "account number, driving licence, driver license, drivers license",
}
_ANYWHERE = {
    "email": "邮箱 邮件 郵件 信箱 メール 이메일 почта",
    "phone": "手机 手機 电话 電話 联系方式 携帯 휴대폰 전화 телефон",
    "id_number": "身份证 身分證 证件 護照 护照 银行卡 マイナンバー 주민등록 паспорт снилс",
    "address": "地址 住址 住所 주소 адрес улица",
    "name": "姓名 姓氏 名字 氏名 联系人 收件人 이름 성명 имя фамилия отчество",
}
# "name" alone is a person's only beside words such as these
_OF_PEOPLE = (
    "customer client contact person user member household buyer shopper recipient billing shipping bill ship to owner "
    "holder first last given family middle full maiden preferred nick legal kunde kunden cliente child spouse "
    "partner parent mother father emergency the of"
)
# what has a name, a phone or an address without being a person; and what is told *about* a phone or an address
_OTHERWISE = (
    "store shop branch filiale warehouse company firm product item article brand campaign category supplier vendor "
    "file table event page site host domain web url mac type kind model count flag has is verified valid consent opt "
    "optin since date at time os app plan provider carrier status source revenue spend sales amount total score rate "
    "minutes opens opened clicks clicked bounces sent frequency days"
)


def kind_of(column: str) -> str | None:
    """The kind of personal data that a column's name suggests, or None."""
    words = _words(column)
    if not words.isdisjoint(_OTHERWISE.split()):
        return None
    phrase = f" {' '.join(words)} "
    # composed again: taking accents off parts Korean syllables
    whole = unicodedata.normalize("NFKC", column).casefold()
    for kind, hints in _WORDS.items():
        phrases = (f" {hint} " for hint in _PHRASES.get(kind, "").split(", ") if hint)
        if not words.isdisjoint(hints.split()) or any(hint in phrase for hint in phrases):
            return kind
        if any(hint in whole for hint in _ANYWHERE[kind].split()):
            return kind
    return "name" if "name" in words and set(words) <= {"name", *_OF_PEOPLE.split()} else None


def _words(column: str) -> KeysView[str]:
    """The words of a column's name in their order, without accents, attr_ and digits."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", column) if not unicodedata.combining(c))
    parted = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain.removeprefix("attr_"))
    return dict.fromkeys(word.casefold() for word in re.findall(r"[^\W\d_]+", parted)).keys()
