"""Which raw table a file holds, and which of its columns is which: guessed from names and values, for `aimloop init`.

A name must be one that companies use for the column, and a sample of its values must read as the
column's type. What cannot be guessed is left to the user, never invented.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra import contract_sql
from infra.raw_contracts import RAW

_NAMES: dict[str, str] = {
    "customer_id": "customerid customer customerno customernumber custid clientid client userid user memberid member "
    "buyerid buyer householdid householdkey accountid account contactid kundennummer kundenid kundennr kunde "
    "idcliente clienteid cliente codecliente numclient cid uid visitorid 客户id 客户编号 用户id 会员id 客户",
    "ordered_at": "orderedat orderdate ordertime orderdatetime invoicedate purchasedate purchasetimestamp purchasedat "
    "orderpurchasetimestamp transactiondate transactiontime transactiontimestamp saledate salesdate createdat datetime "
    "timestamp date time bestelldatum bestellzeitpunkt rechnungsdatum datum fecha fechapedido datecommande "
    "下单时间 订单日期 订单时间 日期",
    "amount": "amount lineamount linetotal totalamount orderamount ordertotal totalprice total salesvalue salesamount "
    "dollarvalue sales revenue turnover netamount grossamount value ordervalue paid amountpaid paymentvalue betrag "
    "umsatz gesamtpreis importe montant valor 金额 订单金额 实付金额 销售额",
    "unit_price": "unitprice priceeach itemprice price einzelpreis stueckpreis stückpreis preis precio preciounitario "
    "prix prixunitaire 单价 价格",
    "order_id": "orderid orderno ordernumber orderref invoiceid invoiceno invoice invoicenumber basketid transactionid "
    "transactionno receiptid receiptno receipt ticketid bestellnummer bestellnr auftragsnummer rechnungsnummer "
    "rechnungsnr pedido idpedido numeropedido commande 订单号 订单编号 订单id",
    "product_id": "productid product productcode sku stockcode itemid itemcode item articleid articleno article "
    "artikelnummer artikelnr artikel ean gtin upc barcode referencia 商品id 商品编号 商品编码",
    "quantity": "quantity qty units count pieces menge anzahl stueck stück cantidad quantite quantité 数量",
    "discount": "discount discountamount rebate rabatt descuento remise 折扣 优惠金额",
    "store_id": "storeid store storecode shopid shop branch branchid location filiale tienda 门店id 门店",
    "channel": "channel saleschannel orderchannel source medium kanal canal 渠道",
    "name": "name fullname customername contactname kundenname nombre nom 姓名 客户姓名",
    "phone": "phone phonenumber mobile mobilephone cell telephone tel telefon handy telefono 手机 手机号 电话",
    "email": "email mail emailaddress correo courriel 邮箱 电子邮件",
    "id_number": "idnumber nationalid ssn passport passportno taxid dni nif 身份证 身份证号",
    "signed_up_at": "signedupat signupdate registeredat registrationdate registered createdon membersince "
    "customersince joindate joinedat 注册时间 注册日期",
    "region": "region state province county country city bundesland land pais país provincia ort stadt 地区 省份 城市",
    "birth_date": "birthdate dateofbirth dob birthday geburtsdatum 出生日期 生日",
    "age_band": "ageband agegroup agerange age altersgruppe",
    "gender": "gender sex geschlecht genero género 性别",
    "income_band": "incomeband income incomegroup einkommen",
    "household_size": "householdsize familysize",
    "member_expires_at": "memberexpiresat membershipend expirydate expiresat validuntil 会员到期",
    "consent_marketing": "consentmarketing marketingconsent marketingoptin optin newsletter acceptsmarketing",
    "consent_profiling": "consentprofiling profilingconsent profilingoptin",
    "category": "category productcategory categoryname subcategory kategorie warengruppe categoria catégorie 类目 品类",
    "department": "department dept division abteilung 部门",
    "brand": "brand brandname marke marca marque manufacturer 品牌",
    "price": "price listprice unitprice preis precio prix 价格",
    "description": "description productname productdescription title itemname bezeichnung artikelbezeichnung 商品名称",
    "impression_id": "impressionid adid requestid exposureid",
    "shown_at": "shownat impressiontime impressionat servedat timestamp datetime date time hour displaytime",
    "clicked": "clicked click isclick isclicked clk label",
    "placement": "placement position adposition slot bannerpos",
    "device": "device devicetype deviceid platform",
    "creative_id": "creativeid creative bannerid",
    "campaign_id": "campaignid campaign kampagne campaña",
    "kind": "kind type campaigntype",
    "starts_at": "startsat startdate start begin",
    "ends_at": "endsat enddate end",
    "budget": "budget",
    "contacted_at": "contactedat sentat senttime contactdate senddate",
    "responded_at": "respondedat responsedate redemptiondate redeemedat",
    "event_id": "eventid event hitid",
    "occurred_at": "occurredat eventtime eventtimestamp eventdate timestamp datetime date time ts",
    "type": "type eventtype eventname action",
    "properties": "properties payload attributes params eventproperties",
    "revenue": "revenue",
    "converted": "converted conversion isconverted",
    "propensity": "propensity",
}
_WORDS = {ours: names.split() for ours, names in _NAMES.items()}
# What a company has orders of, it has first: the table with the most specific columns is asked first.
_ORDER = ("impressions", "events", "contacts", "orders", "customers", "campaigns", "products")
_TELLING = {"impressions": {"clicked"}, "events": {"type"}, "orders": {"ordered_at", "amount"}}
_ONE_ROW_EACH = {"customers": "customer_id", "products": "product_id", "campaigns": "campaign_id"}
_LEAST_SHARE = 0.8


@dataclass(frozen=True)
class Column:
    """A column as a sample shows it: shares of non-empty values that read as each type, in [0, 1].

    ``distinct`` and ``filled`` count its values, without and with repeats.
    """

    name: str
    is_number: float
    is_time: float
    is_flag: float
    distinct: int
    filled: int = 0
    is_personal: bool = False

    def fits(self, sql_type: str) -> bool:
        share = {"DOUBLE": self.is_number, "TIMESTAMP": self.is_time, "BOOLEAN": self.is_flag}.get(sql_type, 1.0)
        return share >= _LEAST_SHARE


@dataclass(frozen=True)
class Guess:
    """What one file (or database table) seems to hold.

    ``missing`` are required columns for which none was found; ``unused`` are columns nobody mapped.
    """

    table: str
    columns: dict[str, str]
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def guess(columns: Sequence[Column]) -> Guess | None:
    """The raw table these columns fit best; one that lacks something where none fits; None where nothing fits."""
    candidates = [_as_table(table, columns) for table in _ORDER]
    whole = [found for found in candidates if not found.missing and _tells(found, columns)]
    if whole:
        return max(whole, key=lambda found: (found.table in _TELLING, len(found.columns)))
    orders = _as_table("orders", columns)
    return orders if len(orders.columns) >= 2 else None


def _tells(found: Guess, columns: Sequence[Column]) -> bool:
    """A table must have what is its own: a bare customer id that comes back is no table of customers."""
    telling, own = _TELLING.get(found.table, set()), _ONE_ROW_EACH.get(found.table)
    repeats = [c for c in columns if own and c.name == found.columns.get(own) and c.distinct < 0.9 * c.filled]
    return telling <= set(found.columns) and len(found.columns) > 1 and not repeats


def _as_table(table: str, columns: Sequence[Column]) -> Guess:
    types = contract_sql.columns(RAW[table])
    left = {_plain(column.name): column for column in columns}
    mapped: dict[str, str] = {}
    for ours, sql_type in types.items():
        found = _find(ours, sql_type, left)
        if found:
            mapped[ours] = found.name
            left.pop(_plain(found.name))
    if table == "orders":
        _reckon_amount(mapped, left)
    schema = RAW[table].to_schema().columns
    derived = {"landed_at", "order_id"}
    missing = tuple(
        ours for ours, rule in schema.items() if not rule.nullable and ours not in mapped and ours not in derived
    )
    if table == "customers":
        mapped |= {f"attr_{_snake(c.name)}": c.name for c in left.values() if _is_attribute(c)}
    unused = tuple(column.name for column in columns if column.name not in mapped.values())
    return Guess(table, mapped, missing, unused)


def _find(ours: str, sql_type: str, left: Mapping[str, Column]) -> Column | None:
    for word in (_plain(ours), *_WORDS.get(ours, ())):
        column = left.get(word)
        if column is not None and column.fits(sql_type):
            return column
    return None


def _reckon_amount(mapped: dict[str, str], left: dict[str, Column]) -> None:
    """Quantity times unit price, where there is no amount of the line."""
    if "amount" in mapped or "quantity" not in mapped:
        return
    price = _find("unit_price", "DOUBLE", left)
    if price is not None:
        mapped["amount"] = f"{_quoted(mapped['quantity'])} * {_quoted(price.name)}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def _is_attribute(column: Column) -> bool:
    """A property shared by many: neither personal nor almost as varied as people are."""
    return not column.is_personal and 2 <= column.distinct <= 1000 and column.is_time < _LEAST_SHARE


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _snake(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
