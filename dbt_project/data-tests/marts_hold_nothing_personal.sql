-- Nothing in any column of any mart looks like a phone, an e-mail address or an id number.
{{ nothing_personal() }}
