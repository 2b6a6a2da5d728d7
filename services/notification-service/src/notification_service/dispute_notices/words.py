"""Codes in words for recipients: reason codes and resolution codes in every language of the mails.

A mail says no more than is known when it is written: that something is paid or credited only of a posting, and that
nothing is expected any more never. A write-off is a matter of our books and no promise to the customer.
"""

from msgspec import Struct

from notification_service.wording.language import Language


class Ending(Struct, frozen=True):
    """`label` names a resolution; `sentence` tells the customer what follows from it. `credited`, `paid` and `rejected`
    are the names of the amounts, where they have one of their own."""

    label: str
    sentence: str
    credited: str = ""
    paid: str = ""
    rejected: str = ""


def reason(code: str, language: Language) -> str:
    """The contested matter in words; the code itself for one that is not in the list (a tenant's own)."""
    return _REASONS[language].get(code, code)


def outcome(code: str, language: Language, *, by_ledger: bool, after_payment: bool = False) -> Ending:
    """The resolution in words, other ones where a posting has done it, and again where the amount had been paid before;
    for a code that is not in the list, the code and no sentence."""
    words = _GIVEN_BACK if after_payment else _POSTED
    posted, stated = words[language].get(code), _OUTCOMES[language].get(code)
    first, second = (posted, stated) if by_ledger else (stated, posted)
    return first or second or Ending(code, "")


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
        "CREDIT_FULL": Ending(
            "credit in full", "We accept your dispute. You will receive a credit memo for the disputed amount."
        ),
        "CREDIT_PARTIAL": Ending(
            "credit in part", "We accept your dispute in part. You will receive a credit memo for the accepted part."
        ),
        "REBILL": Ending("corrected invoice", "We credit the amount below and issue a corrected invoice."),
        "REFUND": Ending("refund", "We refund the amount below to you.", credited="Refund"),
        "CUSTOMER_PAID": Ending(
            "closed as paid",
            "According to our information you have paid the disputed amount; we are therefore closing your dispute.",
            paid="Paid according to our information",
        ),
        "REJECTED_COLLECT": Ending("not accepted", "We have reviewed your dispute and cannot accept it."),
        "WRITE_OFF_SMALL": Ending("closed", "As the amount is small, we have closed your dispute."),
        "WRITE_OFF_BAD_DEBT": Ending("closed", "We have closed your dispute."),
        "GOODWILL": Ending(
            "goodwill",
            "As a gesture of goodwill, and without acknowledging a claim, we credit you the amount below.",
        ),
        "OFFSET": Ending("offset", "We offset the amount against another item of your account.", paid="Offset"),
        "WITHDRAWN": Ending(
            "withdrawn", "You have withdrawn your dispute. The amount is payable under the agreed payment terms."
        ),
        "VOID_LOGGED_IN_ERROR": Ending(
            "recorded in error", "The dispute was recorded in error and has been closed. The invoice is unchanged."
        ),
        "CASH_REAPPLIED": Ending(
            "payment reassigned",
            "We have found your payment and assign it to the invoice it was meant for.",
            paid="Covered by the reassigned payment",
        ),
        "SETTLEMENT_GIVEN_UP": Ending(
            "payable after all",
            "What we told you about the amount below did not come about; it is payable after all.",
            rejected="Payable",
        ),
        "CLAIM_GIVEN_UP": Ending(
            "not carried out", "What we told you about the amount below did not come about.", rejected="Payable"
        ),
    },
    Language.GERMAN: {
        "CREDIT_FULL": Ending(
            "Gutschrift in voller Höhe",
            "Wir erkennen Ihre Beanstandung an. Über den beanstandeten Betrag erhalten Sie eine Gutschrift.",
        ),
        "CREDIT_PARTIAL": Ending(
            "Teilgutschrift",
            "Wir erkennen Ihre Beanstandung teilweise an. Über den anerkannten Teil erhalten Sie eine Gutschrift.",
        ),
        "REBILL": Ending(
            "berichtigte Rechnung",
            "Wir schreiben Ihnen den unten genannten Betrag gut und stellen eine berichtigte Rechnung aus.",
        ),
        "REFUND": Ending("Erstattung", "Wir erstatten Ihnen den unten genannten Betrag.", credited="Erstattung"),
        "CUSTOMER_PAID": Ending(
            "als bezahlt abgeschlossen",
            "Nach unserer Kenntnis haben Sie den beanstandeten Betrag bezahlt; wir schließen den Vorgang daher ab.",
            paid="Nach unserer Kenntnis bezahlt",
        ),
        "REJECTED_COLLECT": Ending(
            "nicht anerkannt", "Nach Prüfung können wir Ihre Beanstandung leider nicht anerkennen."
        ),
        "WRITE_OFF_SMALL": Ending(
            "abgeschlossen", "Wegen der geringen Höhe des Betrags haben wir den Vorgang abgeschlossen."
        ),
        "WRITE_OFF_BAD_DEBT": Ending("abgeschlossen", "Wir haben den Vorgang abgeschlossen."),
        "GOODWILL": Ending(
            "Kulanz",
            "Aus Kulanz und ohne Anerkennung einer Rechtspflicht schreiben wir Ihnen den unten genannten Betrag gut.",
        ),
        "OFFSET": Ending(
            "Verrechnung", "Wir verrechnen den Betrag mit einem anderen Posten Ihres Kontos.", paid="Wird verrechnet"
        ),
        "WITHDRAWN": Ending(
            "zurückgezogen",
            "Sie haben Ihre Beanstandung zurückgezogen. Der Betrag ist zu den vereinbarten Zahlungsbedingungen zu"
            " zahlen.",
        ),
        "VOID_LOGGED_IN_ERROR": Ending(
            "irrtümlich erfasst",
            "Die Beanstandung wurde irrtümlich erfasst und ist abgeschlossen. Die Rechnung bleibt unverändert.",
        ),
        "CASH_REAPPLIED": Ending(
            "Zahlung umgebucht",
            "Wir haben Ihre Zahlung gefunden und ordnen sie der richtigen Rechnung zu.",
            paid="Durch die umgebuchte Zahlung gedeckt",
        ),
        "SETTLEMENT_GIVEN_UP": Ending(
            "doch zu zahlen",
            "Was wir Ihnen zu dem unten genannten Betrag mitgeteilt haben, ist nicht zustande gekommen; er ist doch zu"
            " zahlen.",
            rejected="Zu zahlen",
        ),
        "CLAIM_GIVEN_UP": Ending(
            "nicht ausgeführt",
            "Was wir Ihnen zu dem unten genannten Betrag mitgeteilt haben, ist nicht zustande gekommen.",
            rejected="Zu zahlen",
        ),
    },
}

# What the ledger has posted is known, and no credit memo follows any more.
_POSTED: dict[Language, dict[str, Ending]] = {
    Language.ENGLISH: {
        "CREDIT_FULL": Ending("invoice reduced", "The invoice has been reduced by the disputed amount."),
        "CREDIT_PARTIAL": Ending(
            "settled",
            "The disputed amount has been settled: in part by payment, in part by a reduction of the invoice.",
            paid="Paid by you",
        ),
        "CUSTOMER_PAID": Ending("paid", "We have received your payment. Thank you.", paid="Paid by you"),
        "INVOICE_REDUCED": Ending(
            "invoice lower than disputed",
            "The invoice stands at a lower amount than was disputed; what exceeds it is not asked for.",
        ),
        "PAYMENT_RETURNED": Ending(
            "payment returned",
            "The payment that this dispute was about has been returned. The invoice is payable under the agreed payment"
            " terms.",
        ),
    },
    Language.GERMAN: {
        "CREDIT_FULL": Ending("Rechnung gemindert", "Die Rechnung wurde um den beanstandeten Betrag gemindert."),
        "CREDIT_PARTIAL": Ending(
            "ausgeglichen",
            "Der beanstandete Betrag ist ausgeglichen: zum Teil durch Zahlung, zum Teil durch Minderung der Rechnung.",
            paid="Von Ihnen bezahlt",
        ),
        "CUSTOMER_PAID": Ending(
            "bezahlt", "Ihre Zahlung ist bei uns eingegangen. Vielen Dank.", paid="Von Ihnen bezahlt"
        ),
        "INVOICE_REDUCED": Ending(
            "Rechnung niedriger als beanstandet",
            "Die Rechnung lautet auf einen niedrigeren Betrag als beanstandet; was darüber hinausgeht, wird nicht"
            " gefordert.",
        ),
        "PAYMENT_RETURNED": Ending(
            "Zahlung zurückgegangen",
            "Die Zahlung, um die es hier ging, ist zurückgegangen. Die Rechnung ist zu den vereinbarten"
            " Zahlungsbedingungen zu zahlen.",
        ),
    },
}

# A posting has given back what had been paid: no invoice became smaller.
_GIVEN_BACK: dict[Language, dict[str, Ending]] = {
    Language.ENGLISH: {
        "CREDIT_FULL": Ending("credited", "We have credited the disputed amount to your account."),
        "CREDIT_PARTIAL": Ending("credited", "We have credited a part of the disputed amount to your account."),
        "REFUND": Ending("refunded", "We have refunded the disputed amount to you.", credited="Refund"),
    },
    Language.GERMAN: {
        "CREDIT_FULL": Ending(
            "gutgeschrieben", "Wir haben Ihnen den beanstandeten Betrag auf Ihrem Konto gutgeschrieben."
        ),
        "CREDIT_PARTIAL": Ending(
            "gutgeschrieben", "Wir haben Ihnen einen Teil des beanstandeten Betrags auf Ihrem Konto gutgeschrieben."
        ),
        "REFUND": Ending("erstattet", "Wir haben Ihnen den beanstandeten Betrag erstattet.", credited="Erstattung"),
    },
}
