"""Codes in words for recipients: reason codes and resolution codes in every language of the mails."""

from msgspec import Struct

from notification_service.wording.language import Language


class Ending(Struct, frozen=True):
    """`label` names a resolution; `sentence` tells the customer what follows from it."""

    label: str
    sentence: str


def reason(code: str, language: Language) -> str:
    """The contested matter in words; the code itself for one that is not in the list (a tenant's own)."""
    return _REASONS[language].get(code, code)


def outcome(code: str, language: Language) -> Ending:
    """The resolution in words; for a code that is not in the list, the code and no sentence."""
    return _OUTCOMES[language].get(code, Ending(code, ""))


_REASONS: dict[Language, dict[str, str]] = {
    Language.ENGLISH: {
        "PRICE": "price differs from the agreement",
        "QTY_SHORT": "quantity short or contested",
        "DAMAGED": "goods damaged",
        "QUALITY": "quality not accepted",
        "WRONG_ITEM": "wrong or substituted product",
        "LATE_DELIVERY": "late delivery",
        "RETURN": "returned goods not credited",
        "FREIGHT": "freight or delivery charge",
        "TAX": "tax calculated wrongly",
        "DUPLICATE": "invoiced twice",
        "NOT_MINE": "invoice addressed to the wrong company",
        "PO_REF": "order reference or documents missing",
        "TERMS": "payment terms or discount",
        "PROMO": "promotion, rebate or advertising allowance",
        "COMPLIANCE": "compliance charge",
        "SERVICE": "service not or not fully performed",
        "ALREADY_PAID": "already paid",
        "CREDIT_MISSING": "promised credit not issued",
        "FINANCE_CHARGE": "interest or late fee",
        "UNAUTHORIZED": "deduction without an agreed basis",
        "UNIDENTIFIED": "reason to be clarified",
    },
    Language.GERMAN: {
        "PRICE": "Preis weicht von der Vereinbarung ab",
        "QTY_SHORT": "Mindermenge oder Mengenabweichung",
        "DAMAGED": "beschädigte Ware",
        "QUALITY": "Qualität nicht akzeptiert",
        "WRONG_ITEM": "falscher oder ersetzter Artikel",
        "LATE_DELIVERY": "verspätete Lieferung",
        "RETURN": "Retoure nicht gutgeschrieben",
        "FREIGHT": "Fracht- oder Lieferkosten",
        "TAX": "Steuer falsch berechnet",
        "DUPLICATE": "doppelt berechnet",
        "NOT_MINE": "falscher Rechnungsempfänger",
        "PO_REF": "Bestellbezug oder Unterlagen fehlen",
        "TERMS": "Zahlungsbedingungen oder Skonto",
        "PROMO": "Aktion, Bonus oder Werbekostenzuschuss",
        "COMPLIANCE": "Belastung wegen Liefervorgaben",
        "SERVICE": "Leistung nicht oder nicht vollständig erbracht",
        "ALREADY_PAID": "bereits bezahlt",
        "CREDIT_MISSING": "zugesagte Gutschrift nicht erteilt",
        "FINANCE_CHARGE": "Zinsen oder Mahngebühr",
        "UNAUTHORIZED": "Abzug ohne vereinbarte Grundlage",
        "UNIDENTIFIED": "Grund noch zu klären",
    },
}

_OUTCOMES: dict[Language, dict[str, Ending]] = {
    Language.ENGLISH: {
        "CREDIT_FULL": Ending("credit in full", "Your objection was justified; a credit memo follows."),
        "CREDIT_PARTIAL": Ending(
            "credit in part", "Your objection was justified in part; a credit memo follows for that part."
        ),
        "REBILL": Ending("new invoice", "We credit the invoice and issue a corrected one."),
        "REFUND": Ending("refund", "We return the amount to you."),
        "CUSTOMER_PAID": Ending("paid", "The amount has been paid. Nothing more is expected from you."),
        "REJECTED_COLLECT": Ending("not accepted", "We examined your objection and found the amount to be owed."),
        "WRITE_OFF_SMALL": Ending("waived", "We do not pursue the amount. Nothing more is expected from you."),
        "WRITE_OFF_BAD_DEBT": Ending("written off in our books", "We have closed the case in our books."),
        "GOODWILL": Ending("goodwill", "We accommodate you as a gesture of goodwill, without acknowledging a claim."),
        "OFFSET": Ending("offset", "The amount was offset against another item of your account."),
        "WITHDRAWN": Ending("withdrawn", "You withdrew your objection; the amount is payable as invoiced."),
        "VOID_LOGGED_IN_ERROR": Ending("recorded in error", "The case was recorded in error and has been closed."),
        "PAYMENT_RETURNED": Ending(
            "payment returned", "The payment that this case was about has come back; the invoice is payable as agreed."
        ),
        "CASH_REAPPLIED": Ending("payment reassigned", "Your payment was found and assigned to the right invoice."),
    },
    Language.GERMAN: {
        "CREDIT_FULL": Ending("Gutschrift in voller Höhe", "Ihre Beanstandung war berechtigt; eine Gutschrift folgt."),
        "CREDIT_PARTIAL": Ending(
            "Teilgutschrift", "Ihre Beanstandung war teilweise berechtigt; für diesen Teil folgt eine Gutschrift."
        ),
        "REBILL": Ending("neue Rechnung", "Wir schreiben die Rechnung gut und stellen eine berichtigte aus."),
        "REFUND": Ending("Erstattung", "Wir erstatten Ihnen den Betrag."),
        "CUSTOMER_PAID": Ending("bezahlt", "Der Betrag ist bezahlt. Von Ihrer Seite ist nichts weiter zu tun."),
        "REJECTED_COLLECT": Ending(
            "nicht anerkannt",
            "Wir haben Ihre Beanstandung geprüft; der Betrag ist geschuldet.",
        ),
        "WRITE_OFF_SMALL": Ending(
            "nicht weiterverfolgt",
            "Wir verfolgen den Betrag nicht weiter. Von Ihrer Seite ist nichts weiter zu tun.",
        ),
        "WRITE_OFF_BAD_DEBT": Ending("bei uns ausgebucht", "Wir haben den Vorgang in unseren Büchern abgeschlossen."),
        "GOODWILL": Ending("Kulanz", "Wir kommen Ihnen aus Kulanz entgegen, ohne Anerkennung einer Rechtspflicht."),
        "OFFSET": Ending("verrechnet", "Der Betrag wurde mit einem anderen Posten Ihres Kontos verrechnet."),
        "WITHDRAWN": Ending(
            "zurückgezogen", "Sie haben Ihre Beanstandung zurückgezogen; der Betrag ist wie berechnet zu zahlen."
        ),
        "VOID_LOGGED_IN_ERROR": Ending(
            "irrtümlich erfasst", "Der Vorgang wurde irrtümlich erfasst und ist geschlossen."
        ),
        "PAYMENT_RETURNED": Ending(
            "Zahlung zurückgegangen",
            "Die Zahlung, um die es hier ging, ist zurückgegangen; die Rechnung ist wie vereinbart zu zahlen.",
        ),
        "CASH_REAPPLIED": Ending(
            "Zahlung umgebucht", "Ihre Zahlung wurde gefunden und der richtigen Rechnung zugeordnet."
        ),
    },
}
