"""What a column's name suggests, in several languages; words about a phone or a shop's address do not count."""

import pytest

from infra.privacy.personal_names import kind_of


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (
            "phone",
            "phone Phone_Number phoneNumber attr_mobile Mobil tel telefono 手机号 联系电话 電話 전화번호 телефон",
        ),
        ("email", "email E-Mail emailAddress email_id correo courriel mail 邮箱 メール почта"),
        ("id_number", "SSN passport_no IBAN idNumber id_card dni cpf 身份证号 护照 паспорт credit_card_number"),
        ("address", "address home_address customer_address_line_1 Straße direccion rue ip_address 地址 адрес"),
        ("name", "name first_name LastName customerName Vorname nachname prénom nombre apellidos 姓名 이름 имя"),
        ("name", "billing_name full_name attr_maiden_name"),
    ],
)
def test_names_of_personal_columns(kind: str, columns: str) -> None:
    assert {column: kind_of(column) for column in columns.split()} == dict.fromkeys(columns.split(), kind)


@pytest.mark.parametrize(
    "columns",
    [
        "product_name store_name brandName campaign_name category_name file_name dog_name username hotel nominal",
        "phone_model email_opens has_email emails_sent mobile_app_user phone_type email_consent tel_sales telemetry",
        "store_address StoreAddress shop_phone company_name city region zip country product_id StockCode",
        "amount quantity attr_kids attr_home_ownership attr_marital_status household_size age_band title _ 1",
    ],
)
def test_names_of_other_columns(columns: str) -> None:
    assert {column: kind_of(column) for column in columns.split()} == dict.fromkeys(columns.split())
