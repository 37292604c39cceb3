"""Writes the sample inbox: `python data/sample_inbox.py [FOLDER]` makes `sample-inbox/` and its ZIP in FOLDER.

An invented LinkedIn archive with the structure of real ones. The people do not exist, their addresses begin with
`esempio-`, and every text was written for this file. The seed is fixed: each run writes the same bytes.

- `sample-inbox/` and the ZIP: the shape of 2026. `Invitations.csv` with URL columns (300 incoming, 6 with a note; 108
  outgoing, 8 with a note, of which 6 are one template), `messages.csv` all quoted, `Connections.csv` with its preamble,
  `Profile.csv`, and `guide_messages.csv`, which must be ignored.
- `sample-inbox/2023/`: the same owner three years before, with the headers of 2023 (urn columns, no draft columns). It
  is not in the ZIP.

The owner is Marta Colombini, who designs packaging in Turin. Threads hold accepted notes that come back as messages,
replies, sponsored messages, drafts, two groups, a deleted member and one note in German.
"""

from __future__ import annotations

import csv
import io
import random
import sys
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

SEED = 20260314
EXPORTED = datetime(2026, 3, 14, 9, 30)
STAMP = (2026, 3, 14, 9, 30, 0)

_FIRST = (
    "Agnese Bruno Camilla Dario Elettra Fabrizio Ginevra Ivo Lia Manlio Nives Orso Petra Rocco Sveva Tullio Viola Zeno "
    "Abigail Barnaby Cressida Desmond Imogen Jasper Keira Leopold Maeve Nigel Ottilie Percy Rowena Silas Tamsin Wilbur"
).split()
_LAST = (
    "Abbatangelo Bertorelli Cazzaniga Dallaturca Fornasari Gambarotta Lovisolo Mezzanotti Passalacqua Quadrelli "
    "Roncarolo "
    "Sangalletti Terranova-Pini Vallebella Zampaglioni Ashgrove Birtwhistle Cobbledick Dunnicliff Everthorpe Fennimore "
    "Gatheridge Hollowell Kettlebury Lockersby Mossbank Northcliffe-Hay Pennycroft Ravensby Thistlewood"
).split()
_COMPANIES = tuple(
    "Cartiere Valdora|Imballaggi Brusa|Boxlight|Norfield Foods|Tessuti Merello|Orchard & Pine|Studio Tralci|Kilnworth".split("|")
)


@dataclass(frozen=True)
class Person:
    """Someone invented: a name, a profile address and the urn that stood for it in 2023."""

    name: str
    number: int

    @property
    def first(self) -> str:
        """The first name."""
        return self.name.split()[0]

    @property
    def url(self) -> str:
        """The profile address."""
        return f"https://www.linkedin.com/in/esempio-{self.name.lower().replace(' ', '-')}-{self.number:04x}"

    @property
    def urn(self) -> str:
        """What stood in the place of the address from July to September 2023."""
        return f"urn:li:fsd_profile:ESEMPIO{self.number:08d}"


ME = Person("Marta Colombini", 1)
DELETED = Person("LinkedIn Member", 0)

# Notes on incoming invitations; two are accepted and come back as the first message of their thread.
INCOMING_NOTES = (
    "Ciao Marta, ero in seconda fila al tuo intervento sul cartone senza colla a Carta Viva di Lucca: ho provato la "
    "piega che hai "
    "mostrato sulle nostre scatole del miele e tiene. Mi piacerebbe restare in contatto.",
    "Hi Marta, Ottilie Pennycroft gave me your name: she says you solved the grease stains on her bakery sleeves. I "
    "have the same "
    "trouble at Orchard & Pine and would love to compare notes.",
    "Buongiorno, vorrei aggiungerla alla mia rete professionale.",
    "Hi Marta, I see we both work in packaging. Always great to connect with like-minded professionals!",
    "Ciao Marta! Aiuto i designer come te a trovare 10 nuovi clienti al mese senza pubblicità. Ti va una call di 15 "
    "minuti giovedì?",
    "Hello Marta, impressive profile! We are a team of certified developers offering websites from $199. Can I send "
    "you our portfolio?",
)

# The owner's own template, sent again and again with another name and company.
OUTGOING_TEMPLATE = (
    "Ciao {first}, ho visto che lavori in {company}. Seguo con interesse il vostro settore "
    "e mi farebbe piacere entrare in contatto."
)
OUTGOING_NOTES = (
    "Buongiorno Tullio, ieri in fiera a Parma mi ha spiegato la pressa a caldo del padiglione 5: le mando "
    "volentieri le prove di tenuta "
    "di cui abbiamo parlato.",
    "Hi Imogen, your piece on mushroom-based fillers in the February issue of Wrap Letters answered a question I "
    "had been stuck on. "
    "May I ask where you had the drop tests done?",
)

# First messages to the owner: (folder, text). A blank line splits paragraphs, as in what LinkedIn exports.
MESSAGES = (
    ("INBOX", "Ciao Marta,\nsono Ivo, abbiamo fatto insieme il laboratorio di fustellatura al Politecnico nel 2011, "
              "tu eri al banco con Lia. "
              "Ora seguo gli imballaggi di una cantina ad Alba e ho ripensato al tuo incastro a coda di rondine."),
    ("INBOX", "Hi Marta, thank you for staying on after the round table in Rotterdam last Tuesday. The supplier you "
              "named for the algae film "
              "has already sent me samples.\n\nI owe you a coffee."),
    ("INBOX", "Gentile dott.ssa Colombini, siamo in sei in un caseificio di Biella e dobbiamo cambiare vaschetta "
              "entro giugno. Nel suo articolo "
              "sulla cellulosa stampata parla proprio di formaggi freschi: posso farle due domande sulla condensa?"),
    ("INBOX", "Marta, Camilla Roncarolo mi dice che sei stata tu a convincere il consorzio a togliere la finestra "
              "di plastica. Sto preparando "
              "lo stesso discorso per il nostro consiglio: come avete risposto a chi temeva per le vendite?"),
    ("ARCHIVE", "Hello Marta, I'm filling the opening for a senior packaging designer (ref. NF-118) at Norfield "
                "Foods. I'm writing to you because of "
                "the refill pouch you drew for Kilnworth: our problem is the same valve. Would you like to read the "
                "brief?"),
    ("INBOX", "Ciao Marta! Mille grazie per aver accettato :)"),
    ("INBOX", "Hi, thanks for connecting. Have a great week!"),
    ("INBOX", "Buongiorno Marta, sono sempre felice di ampliare la mia rete con professionisti del settore. A presto!"),
    ("INBOX", "Hello Marta, I came across your profile and was impressed by your experience. Let's stay connected."),
    ("INBOX", "Salve, mi sono appena laureata in design e cerco lavoro. Se sente di qualcosa mi tenga presente, "
              "grazie."),
    ("INBOX", "Complimenti per il profilo, davvero interessante!"),
    ("INBOX", "Ciao"),
    ("INBOX", "Hi Marta, I'm exploring new opportunities in sustainability and reaching out to people in the "
              "industry. Happy to connect!"),
    ("SPAM", "Dear Marta, you have a beautiful smile. I am a widowed engineer working offshore and I look for a "
             "sincere friend. Write to me on "
             "WhatsApp, I will send you my pictures."),
    ("INBOX", "Ciao Marta, grazie del collegamento! Mi occupo di formazione: con il nostro percorso i freelance "
              "arrivano a raddoppiare il fatturato "
              "in 90 giorni. Restano 4 posti, ti mando il link?"),
    ("INBOX", "Hi Marta, quick question: how do you currently handle your bookkeeping? We help studios like yours "
              "save 8 hours a month. Worth a short "
              "call next week?"),
    ("INBOX", "Gentile Marta, complimenti per il lavoro con Cartiere Valdora. La nostra agenzia realizza video "
              "aziendali e questo mese il primo è "
              "gratuito: quando possiamo sentirci?"),
    ("SPAM", "Hello dear investor, our trading desk guarantees 4% a week. Join the Telegram channel today and get a "
             "welcome bonus."),
    ("INBOX", "Hi {{firstName}}, we are hiring brand ambassadors all over Europe. Work from home, choose your "
              "hours, earn up to 3,000 a month. Send your CV!"),
    ("INBOX", "Buonasera Marta, sto lanciando una newsletter sul packaging: si iscriva gratis, il primo numero esce "
              "lunedì. Trova il modulo sul mio profilo."),
    ("INBOX", "Guten Tag Frau Colombini, ich habe Ihren Vortrag über Wellpappe in Köln gehört und würde mich gerne "
              "mit Ihnen darüber austauschen."),
)  # fmt: skip
_SPONSORED = (
    '<p class="spinmail-quill-editor__spin-break">Hi %FIRSTNAME%, the new <strong>MBA in Nine Weekends</strong> '
    "starts in May.</p>",
    '<p class="spinmail-quill-editor__spin-break">Ciao Marta,</p><p>scopri il gestionale che piace ai '
    'designer.&nbsp;<a href="https://example.com/x">Provalo</a>',
    "Hi Marta, our webinar on retail media is one click away. Save your seat!",
)
_REPLIES = (
    "Grazie, con piacere! Ti scrivo lunedì.", "Thank you, glad it helped.", "Volentieri, mi dica pure.", "Perfetto, "
    "a presto.",
    "Sure, here is my address.",
)  # fmt: skip

_Table = list[list[str]]


class _Inbox:
    """Builds the tables of one archive; everything random comes from one generator, in one order."""

    def __init__(self, seed: int, exported: datetime, number: int) -> None:
        self.random = random.Random(seed)
        self.exported = exported
        self._number = number
        self._threads = 0
        self.invitations: list[tuple[datetime, str, Person, str]] = []
        self.messages: list[tuple[datetime, list[str]]] = []
        self.connections: list[tuple[datetime, Person]] = []

    def person(self) -> Person:
        self._number += 1
        return Person(f"{self.random.choice(_FIRST)} {self.random.choice(_LAST)}", self._number)

    def moment(self, days: int) -> datetime:
        """A moment of the last `days` days before the export, to the minute."""
        return self.exported - timedelta(minutes=self.random.randrange(60, days * 24 * 60))

    def invite(self, direction: str, note: str, days: int = 1100) -> tuple[Person, datetime]:
        person, sent = self.person(), self.moment(days)
        self.invitations.append((sent, direction, person, note))
        return person, sent

    def accept(self, person: Person, sent: datetime) -> datetime:
        accepted = min(sent + timedelta(hours=self.random.randrange(1, 400)), self.exported - timedelta(minutes=30))
        self.connections.append((accepted, person))
        return accepted

    def invite_many(self, direction: str, number: int, notes: int) -> None:
        """Invitations without a note, about half of the older ones accepted."""
        for _ in range(number - notes):
            person, sent = self.invite(direction, "")
            if sent < self.exported - timedelta(days=28) and self.random.random() < 0.5:
                self.accept(person, sent)

    def thread(self) -> str:
        self._threads += 1
        return f"2-ZXNlbXBpbw{self._threads:05d}=="

    def say(
        self, thread: str, when: datetime, sender: Person, to: list[Person], text: str, *, folder: str = "INBOX",
        title: str = "", subject: str = "", draft: bool = False, sponsored: bool = False,
    ) -> None:  # fmt: skip
        addresses = ",".join(person.url for person in to)
        url = "" if sponsored or sender is DELETED else sender.url
        names = ", ".join(person.name for person in to)
        drafted = "Yes" if draft else "No"
        cells = [
            thread,
            title,
            sender.name,
            url,
            names,
            addresses,
            f"{when:%Y-%m-%d %H:%M:%S} UTC",
            subject,
            text,
            folder,
            "",
            drafted,
            drafted,
        ]
        self.messages.append((when, cells))

    def reply(self, thread: str, when: datetime, other: Person, times: int) -> None:
        for turn in range(times):
            when = min(when + timedelta(hours=self.random.randrange(1, 60)), self.exported - timedelta(minutes=20))
            sender, to = (ME, other) if turn % 2 == 0 else (other, ME)
            self.say(thread, when, sender, [to], self.random.choice(_REPLIES))

    def converse(self, folder: str, text: str, sender: Person | None = None) -> None:
        """A thread that begins with `text`; 57 in 100 have no more than that."""
        other = sender or self.person()
        thread, when = self.thread(), self.moment(900)
        self.say(thread, when, other, [ME], text, folder=folder)
        if self.random.random() > 0.57 and other is not DELETED and folder != "SPAM":
            self.reply(thread, when, other, self.random.choice((1, 1, 2, 3)))

    def sponsor(self, text: str) -> None:
        sender = Person(self.random.choice(_COMPANIES), 0)
        self.say(
            self.thread(),
            self.moment(700),
            sender,
            [ME],
            text,
            title="Sponsored Conversation",
            subject="For you",
            sponsored=True,
        )

    def group(self) -> None:
        first, second = self.person(), self.person()
        thread, when = self.thread(), self.moment(500)
        self.say(thread, when, first, [ME, second], "Ci vediamo alle 9 davanti al padiglione?", title="Fiera di Parma")
        self.say(
            thread,
            when + timedelta(minutes=7),
            ME,
            [first, second],
            "Perfetto, porto i campioni.",
            title="Fiera di Parma",
        )


def build_2026() -> _Inbox:
    """Invent the archive in the shape of March 2026."""
    inbox = _Inbox(SEED, EXPORTED, number=100)
    for position, note in enumerate(INCOMING_NOTES):
        person, sent = inbox.invite("INCOMING", note, days=800)
        if position in (0, 1, 3):
            accepted = inbox.accept(person, sent)
            if position < 2:
                thread = inbox.thread()
                inbox.say(thread, sent, person, [ME], note)
                inbox.reply(thread, accepted, person, 2)
    inbox.invite_many("INCOMING", 300, notes=6)
    for _ in range(6):
        person, sent = inbox.invite("OUTGOING", "", days=400)
        note = OUTGOING_TEMPLATE.format(first=person.first, company=inbox.random.choice(_COMPANIES))
        inbox.invitations[-1] = (sent, "OUTGOING", person, note)
    for note in OUTGOING_NOTES:
        inbox.accept(*inbox.invite("OUTGOING", note, days=400))
    inbox.invite_many("OUTGOING", 108, notes=8)
    for folder, text in MESSAGES:
        inbox.converse(folder, text)
    inbox.converse(
        "INBOX",
        "Ciao Marta, ci siamo conosciuti al corso di serigrafia a Urbino, spero che il torchio funzioni ancora!",
        sender=DELETED,
    )
    for position in range(9):
        inbox.sponsor(_SPONSORED[position % 3])
    for _ in range(2):
        inbox.group()
        inbox.say(inbox.thread(), inbox.moment(60), ME, [inbox.person()], "Buongiorno, le scrivo per", draft=True)
    return inbox


def build_2023() -> _Inbox:
    """Invent an archive of the same owner in the shape of August 2023."""
    inbox = _Inbox(SEED + 1, datetime(2023, 8, 20, 18, 5), number=5000)
    inbox.invite("INCOMING", "Ciao Marta, piacere di averti conosciuta ieri alla cena dei cartotecnici!", days=200)
    inbox.invite("INCOMING", "I'd like to join your LinkedIn network.", days=200)
    inbox.invite_many("INCOMING", 60, notes=2)
    inbox.invite("OUTGOING", OUTGOING_TEMPLATE.format(first="Zeno", company="Boxlight"), days=200)
    inbox.invite_many("OUTGOING", 14, notes=1)
    for folder, text in (MESSAGES[5], MESSAGES[12], MESSAGES[16]):
        inbox.converse(folder, text)
    inbox.sponsor(_SPONSORED[0])
    inbox.group()
    return inbox


# ---- from the invented archive to bytes


def _csv(rows: _Table, *, quote_all: bool = False) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue().encode("utf-8")


def _invitations(inbox: _Inbox, kind: str) -> bytes:
    rows: _Table = [
        [
            "From",
            "To",
            "Sent At",
            "Message",
            "Direction",
            f"inviterProfile{kind.title()}",
            f"inviteeProfile{kind.title()}",
        ]
    ]
    for sent, direction, person, note in sorted(inbox.invitations, key=lambda row: row[0], reverse=True):
        ends = (person, ME) if direction == "INCOMING" else (ME, person)
        when = f"{sent.month}/{sent.day}/{sent:%y}, {sent.hour % 12 or 12}:{sent:%M %p}"
        rows.append([ends[0].name, ends[1].name, when, note, direction, *(getattr(end, kind) for end in ends)])
    return _csv(rows)


def _messages(inbox: _Inbox, *, drafts: bool) -> bytes:
    header = (
        "CONVERSATION ID|CONVERSATION TITLE|FROM|SENDER PROFILE URL|TO|RECIPIENT PROFILE "
        "URLS|DATE|SUBJECT|CONTENT|FOLDER|ATTACHMENTS|"
        "IS MESSAGE DRAFT|IS CONVERSATION DRAFT"
    ).split("|")
    width = len(header) if drafts else header.index("FOLDER") + 1
    newest_first = sorted(inbox.messages, key=lambda message: message[0], reverse=True)
    return _csv([header[:width], *(cells[:width] for _, cells in newest_first)], quote_all=drafts)


def _connections(inbox: _Inbox) -> bytes:
    notes = "When exporting your connection data, you may notice that some of the email addresses are missing."
    rows: _Table = [["First Name", "Last Name", "URL", "Email Address", "Company", "Position", "Connected On"]]
    for when, person in sorted(inbox.connections, key=lambda row: row[0], reverse=True):
        first, last = person.name.split(" ", 1)
        rows.append([first, last, person.url, "", inbox.random.choice(_COMPANIES), "Designer", f"{when:%d %b %Y}"])
    return f'Notes:\n"{notes}"\n\n'.encode() + _csv(rows)


def _profile() -> bytes:
    return _csv(
        [
            ["First Name", "Last Name", "Maiden Name", "Address", "Headline"],
            ["Marta", "Colombini", "", "", "Designer di imballaggi, Torino"],
        ]
    )


def _guide() -> bytes:
    header = [
        "CONVERSATION ID",
        "CONVERSATION TITLE",
        "FROM",
        "SENDER PROFILE URL",
        "TO",
        "DATE",
        "SUBJECT",
        "CONTENT",
        "FOLDER",
    ]
    answer = "Here are three ways to make your headline clearer."
    return _csv([header, ["guide-1", "", "LinkedIn", "", ME.name, "2026-02-01 10:00:00 UTC", "", answer, "INBOX"]])


def files_2026() -> dict[str, bytes]:
    """Return the files of the archive of 2026 by name."""
    inbox = build_2026()
    return {
        "Invitations.csv": _invitations(inbox, "url"),
        "messages.csv": _messages(inbox, drafts=True),
        "Connections.csv": _connections(inbox),
        "Profile.csv": _profile(),
        "guide_messages.csv": _guide(),
    }


def files_2023() -> dict[str, bytes]:
    """Return the files of the archive of 2023 by name."""
    inbox = build_2023()
    return {
        "Invitations.csv": _invitations(inbox, "urn"),
        "messages.csv": _messages(inbox, drafts=False),
        "Connections.csv": _connections(inbox),
    }


def write(folder: Path) -> None:
    """Write `sample-inbox/` and `sample-inbox.zip` into `folder`; stored, as zlib's bytes differ by version."""
    newer = files_2026()
    for where, files in ((folder / "sample-inbox", newer), (folder / "sample-inbox" / "2023", files_2023())):
        where.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (where / name).write_bytes(content)
    with zipfile.ZipFile(folder / "sample-inbox.zip", "w", zipfile.ZIP_STORED) as archive:
        for name, content in newer.items():
            member = zipfile.ZipInfo(name, STAMP)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
