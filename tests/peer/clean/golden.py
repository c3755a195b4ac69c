"""Golden values for the guide's cleaning and formatting, from pandas itself.

Made with Python 3.11.7, pandas 3.1.1, numpy of that pandas. Run in this folder:

    python golden.py                       writes nasty.csv, cleaned.csv, AUDIENCE.jsonl and golden.json
    python golden.py MEDQUAD MTS_DIALOG    writes real.json too: digests and counts for the CSV files of two
                                           folders (questions and answers; doctor-patient dialogues)

clean_text, clean and format_for_instruction_tuning are the guide's code. The one thing added is that rows without
a question or an answer are set aside first: on them re.sub raises TypeError.
"""

import csv
import hashlib
import io
import json
import pathlib
import random
import re
import sys
import unicodedata

import pandas as pd

AUDIENCES = ["general", "patient", "doctor", "emergency"]
HERE = pathlib.Path(__file__).resolve().parent


# --- the guide's code ---------------------------------------------------------------------------------------

def clean_text(text):
    text = re.sub(r'\s+', ' ', text)  # Remove extra whitespace
    text = re.sub(r'[\r\n\t]', ' ', text)  # Remove newlines, tabs
    text = text.strip()
    return text


def clean(data, question='question', answer='answer'):
    data[question] = data[question].apply(clean_text)
    data[answer] = data[answer].apply(clean_text)
    cleaned = data.copy()
    data = data.drop_duplicates()
    data = data[(data[question].str.len() > 10) &
                (data[question].str.len() < 512) &
                (data[answer].str.len() > 20) &
                (data[answer].str.len() < 1024)]
    return data, cleaned


def format_for_instruction_tuning(row, user_type="general"):
    # Create a prompt with system instruction
    system_instruction = "You are Elara, a professional medical AI assistant trained to provide accurate, evidence-based information. Answer with compassion and clarity."

    # Format based on user type
    if user_type == "doctor":
        system_instruction += " You are communicating with a medical professional, so use appropriate technical terminology."
    elif user_type == "patient":
        system_instruction += " You are communicating with a patient, so use patient-friendly language and avoid excessive medical jargon."

    # Combine into full example
    formatted_example = f"<|system|>\n{system_instruction}\n<|user|>\n{row['question']}\n<|assistant|>\n{row['answer']}"

    return formatted_example


# --- around it ----------------------------------------------------------------------------------------------

def run(paths, question='question', answer='answer'):
    """The guide's pipeline over files that are read one after the other, and the bucket of every row."""
    data = pd.concat([pd.read_csv(p) for p in paths], ignore_index=True)
    columns = list(data.columns)
    buckets = pd.Series("kept", index=data.index)
    buckets[data[answer].isna()] = "missing_answer"
    buckets[data[question].isna()] = "missing_question"
    kept, cleaned = clean(data[buckets == "kept"].copy(), question, answer)

    first, same_as = {}, {}
    for i, row in zip(cleaned.index, cleaned.fillna("\0missing").itertuples(index=False)):
        if row in first:
            same_as[i] = first[row]
        else:
            first[row] = i
    assert list(cleaned.index[cleaned.duplicated()]) == list(same_as)

    q, a = cleaned[question].str.len(), cleaned[answer].str.len()
    for name, rows in [("answer_too_long", a >= 1024), ("answer_too_short", a <= 20),
                       ("question_too_long", q >= 512), ("question_too_short", q <= 10)]:
        buckets[rows[rows].index] = name
    buckets[list(same_as)] = "duplicate"
    assert list(buckets.index[buckets == "kept"]) == list(kept.index)

    formatted = kept.rename(columns={question: "question", answer: "answer"})
    lines = {}
    for audience in AUDIENCES:
        texts = formatted.apply(format_for_instruction_tuning, axis=1, user_type=audience)
        lines[audience] = "".join(json.dumps({'text': text}) + '\n' for text in texts)
    assert list(kept.columns) == columns
    return buckets, same_as, kept.to_csv(index=False), lines


def rows_of(raw):
    """Line and digest of every data row, by Python's csv module: (line, SHA-256 of the row without its line end)."""
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    reader = csv.reader((line.decode() for line in lines), strict=True)
    found, end = [], 0
    for fields in reader:
        start, end = end, reader.line_num
        if fields == [] or len(fields) == 1 and fields[0].strip(" \t") == "":
            continue
        text = b"".join(lines[start:end])
        text = text.removesuffix(b"\n").removesuffix(b"\r")
        found.append((start + 1, hashlib.sha256(text).hexdigest()))
    return found[1:]


def counts(buckets):
    return {name: int(n) for name, n in sorted(buckets.value_counts().items())}


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


# --- a nasty file -------------------------------------------------------------------------------------------

def nasty():
    """Bytes of a CSV file with what real files hold: a byte order mark, CRLF, LF and a lone CR, blank lines,
    quotes, line ends inside fields, every white space of Python, missing values, repeats, and limits met exactly."""
    out = []

    def row(*fields, end="\r\n", always=False):
        def quote(field):
            if always or any(c in field for c in ',"\r\n'):
                return '"' + field.replace('"', '""') + '"'
            return field
        out.append(",".join(map(quote, fields)) + end)

    plain = "Drink enough water and rest for two days."
    row("question", "answer", "topic", "note, free", always=True)
    row("What is a fever?", "A body temperature of 38 °C or more.", "fever", "plain")
    row("  What\tis \r\n asthma ? ", "A disease of the airways,\r\nwith \"wheeze\" and   cough.", "lung", "white space")
    row('Is "walking pneumonia" a real illness?', 'Yes: a mild form, often by "Mycoplasma".', "lung", 'say "aah"')
    out.append("\r\n   \r\n\t\r\n")  # lines that read_csv skips
    row("What is a fever?", "A body temperature of 38 °C or more.", "fever", "plain")  # repeated as it stands
    row("What is  a fever? ", "A body temperature\u00a0of 38 °C or more.", "fever", "plain")  # the same once cleaned
    row("What is a fever?", "A body temperature of 38 °C or more.", "fever", "other note")  # not in all columns
    row("How is gout treated?", "With rest, ice and anti-inflammatory medicine.", "NA", "")
    row("How is gout treated?", "With rest, ice and anti-inflammatory medicine.", "", "null")  # missing equals missing
    row("NA", plain, "missing", "question")
    row("", plain, "missing", "question", always=True)
    row("How long does a common cold last?", "None", "missing", "answer")
    row("n/a", "NaN", "missing", "both")
    row(" NA", plain, "short", "a blank before it makes it text")
    row("na?", plain, "short", "text")
    row(" \u2003\t ", plain, "short", "only white space")
    for n in (10, 11, 511, 512):
        row("q" * n, plain, "limit", f"question {n}")
    for n in (20, 21, 1023, 1024):
        row(f"How many characters, {n}?", "a" * n, "limit", f"answer {n}")
    row("🤒" * 10, plain, "limit", "emoji 10")
    row("🤒" * 11, plain, "limit", "emoji 11, 44 bytes")
    row("e\u0301" * 5, plain, "limit", "combining, 10 code points")
    row("e\u0301" * 5 + "!", plain, "limit", "combining, 11 code points")
    row("What does 👩\u200d⚕️ advise for a sprain?", "Rest, ice, compression, elevation 👍🏽.", "zwj", "joined emoji")
    row("Wie äußert sich Heuschnupfen?", "Niesen, tränende Augen – und Müdigkeit.", "hay fever", "ß ä –")
    row("哮喘的常见症状有哪些，请说明？", "咳嗽、喘息、胸闷，夜间和清晨更明显，需要就医检查评估。", "lung", "中文")
    white = "".join(chr(c) for c in range(0x110000) if chr(c).isspace())
    row("Which white space" + white + "does Python know?", white.join("It knows all of these characters".split()), "white", "all kinds")
    row("Which look like white space?", "Zero\u200bwidth, word\u2060joiner, BOM\ufeff, mongolian\u180e stay.", "white", "not white")
    row("Do control characters \x01\x1b stay?", "Bell \x07, backspace \x08, delete \x7f and NUL \x00 stay in.", "control", "kept")
    row("Does a backslash \\n stay \\ as it is?", "Yes: C:\\temp\\new, </script> and \\u0041 too.", "escape", "kept", always=True)
    row("Line separators\u2028and\u2029paragraphs?", "Next line \x85 and separators \x1c\x1d\x1e\x1f go.", "white\u2028topic", "kept here")
    row("What about commas, in questions?", "They stay, of course, as they are.", "a,b", "line\nfeed")
    row("Is this line end a lone LF?", "Yes, this row ends in a line feed only.", "ends", "lf", end="\n")
    row("Is this line end a lone CR?", "Yes, this row ends in a carriage return.", "ends", "cr", end="\r")
    row("Do rows without quotes follow?", "Yes, and they are cut in the same place.", "ends", "<NA>")
    row("\u200bWhat is the last row of this file?", "The one that has no line end behind it.", "ends", "last", end="")
    return b"\xef\xbb\xbf" + "".join(out).encode()


def texts():
    """Random texts of few, awkward characters, and what the guide makes of them."""
    random.seed(7)
    alphabet = "ab \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u2028\u3000\u200b\u180eé🙂"
    raw = ["".join(random.choices(alphabet, k=random.randrange(12))) for _ in range(150)]
    return [[text, clean_text(text)] for text in raw]


def held_out(question, seed, percent):
    """The side of a question, by the definition in package split."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    key = unicodedata.normalize("NFKC", "".join(c for c in folded if unicodedata.category(c)[0] in "LMN"))
    digest = hashlib.sha256(f"elara\nside\n{seed}\n{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53 * 100 < percent


def sides():
    questions = ["What is asthma?", "What is  ASTHMA ?", "what is (asthma)", "How is gout treated?", "Is 5 mg/kg too much?",
                 "Wie äußert sich Heuschnupfen?", "WIE ÄUSSERT SICH HEUSCHNUPFEN", "哮喘的常见症状有哪些？", "What is ﬁbrosis?",
                 "What is fibrosis?", "👍", "क्या यह बुखार है?", "Is 5 ㎎ too much?", "Is 5 mg too much?", "Τι είναι η αΐτια;", "When should I call an ambulance?"]
    return [{"question": q, "seed": s, "percent": p, "held_out": held_out(q, s, p)}
            for q in questions for s in (0, -3, 42) for p in (0.0, 12.5, 50.0, 99.9)]


def main():
    raw = nasty()
    (HERE / "nasty.csv").write_bytes(raw)
    buckets, same_as, csv_text, lines = run([HERE / "nasty.csv"])
    (HERE / "cleaned.csv").write_bytes(csv_text.encode())
    for audience, text in lines.items():
        (HERE / f"{audience}.jsonl").write_bytes(text.encode())
    rows = rows_of(raw)
    assert len(rows) == len(buckets)
    canonical = "".join(f"{a}\n" + format_for_instruction_tuning({"question": "{question}", "answer": "{answer}"}, a) + "\0"
                        for a in AUDIENCES)
    golden = {
        "pandas": pd.__version__,
        "python": sys.version.split()[0],
        "counts": counts(buckets),
        "ledger": [{"line": line, "digest": digest, "bucket": buckets[i], "same_as": rows[same_as[i]][0] if i in same_as else 0}
                   for i, (line, digest) in enumerate(rows)],
        "template_sha256": sha256(canonical),
        "white_space": [c for c in range(0x110000) if re.fullmatch(r"\s", chr(c))],
        "texts": texts(),
        "missing": sorted(pd._libs.parsers.STR_NA_VALUES),
        "sides": sides(),
    }
    assert golden["white_space"] == [c for c in range(0x110000) if not chr(c).strip()]
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")
    if len(sys.argv) == 3:
        real(*map(pathlib.Path, sys.argv[1:]))


def real(medquad, mts_dialog):
    """Digests and counts only: the data itself is not part of the project."""
    found = {}
    sets = [(f"medquad/{p.name}", [p], "question", "answer") for p in sorted(medquad.glob("*.csv"))]
    sets.append(("medquad", sorted(medquad.glob("*.csv")), "question", "answer"))
    sets += [(f"mts-dialog/{p.relative_to(mts_dialog)}", [p], "section_text", "dialogue") for p in sorted(mts_dialog.rglob("*.csv"))]
    for name, paths, question, answer in sets:
        buckets, _, csv_text, lines = run(paths, question, answer)
        found[name] = {"question": question, "answer": answer, "counts": counts(buckets), "cleaned_sha256": sha256(csv_text),
                       "jsonl_sha256": {audience: sha256(text) for audience, text in lines.items()}}
    (HERE / "real.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
