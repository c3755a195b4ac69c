# The hard texts that every tokenizer here must cut as Python's tokenizers does. Written and generated here, with a
# fixed seed; golden.py and units.py import them. Plain Python 3.11, no packages.
import random

MEDICAL = [
    "Amoxicillin 500 mg PO q8h x 7 d; d/c if rash. NKDA.",
    "The patient's temperature was 38.6 °C (101.5 °F), HR 112/min, BP 86/54 mmHg, SpO₂ 91 % on room air.",
    "What are the symptoms of type 2 diabetes?\n\nIncreased thirst, frequent urination, and blurred vision.",
    "Dose: 0.5–1 µg/kg/min; max. 2.5 mg/24 h. Don't exceed!",
    "<|system|>You are a careful nurse.<|user|>I've chest pain.<|assistant|>Call 112 now.",
    "Hx: HTN, T2DM, CKD 3b (eGFR 38 mL/min/1.73m²), s/p CABG ×3 in 2011.",
    "pH 7.21, pCO2 58 mmHg, HCO3- 22 mmol/L, lactate 4.1↑",
    "Pneumonoultramicroscopicsilicovolcanoconiosis is a lung disease; so is pseudopseudohypoparathyroidism (no).",
    "1. Wash hands\n2. Put on gloves\n3. Disinfect\n   a) wait 30 s\n   b) repeat\n",
    "ICD-10: I21.9, E11.65, F32.A; CPT 99213-25; NDC 0093-4155-73",
    "β-blocker → α1-antagonist; Δ-FEV₁ ≥ 12 % (≈200 mL)",
    "Sjögren's, Ménière's, Guillain–Barré, Behçet's, Hashimoto’s",
    "He'd said she'll go; we've, they're, I'm, it's, can't. HE'D SHE'LL WE'VE THEY'RE I'M IT'S CAN'T",
    "take 2 tabs\tBID\tx10d\r\nrefill: 0\r\n",
    "HLA-B*57:01+, BRCA1 c.68_69delAG (p.Glu23fs), CYP2D6 *4/*4",
    "Q: Is 140/90 high?  A: Yes - stage 2 hypertension starts at 140/90 mm Hg.",
    "Warfarin INR goal 2.0-3.0 (2.5–3.5 w/ mech. valve)...",
    "Patient ID: 00012345-AB; DOB: 01/02/1950; seen 2024-02-29T23:59:60Z",
    "### Instruction:\nExplain asthma to a child.\n\n### Response:\n",
    "ACHTUNG: Überdosierung! Schwindel, Übelkeit, Größenwahn – straße STRASSE ẞ",
    "Le patient a été opéré d'une hernie inguinale à l'hôpital. Où? N'importe où.",
    "¿Cuántos mg? ¡Máximo 4 g al día! niño, corazón, pingüino",
    "Пациент жалуется на боль в груди и одышку. 36,6 °C",
    "Ο ασθενής έχει πυρετό και βήχα από τρεις ημέρες.",
    "患者は三日前から発熱と咳があります。体温は38.5℃です。",
    "病人头痛三天，伴有恶心、呕吐。血压：150/95毫米汞柱。",
    "환자는 복통과 설사를 호소합니다. 체온 38.2도.",
    "المريض يعاني من ألم في الصدر منذ ساعتين.",
    "החולה מתלונן על כאב ראש וסחרחורת.",
    "रोगी को तीन दिन से बुखार है।",
    "ผู้ป่วยมีไข้และไอมาสามวันแล้ว",
    "Bệnh nhân bị sốt và ho ba ngày nay.",
    "நோயாளிக்கு மூன்று நாட்களாக காய்ச்சல்",
    "ወደ ሆስፒታል ሄደ",
    "პაციენტს აქვს ცხელება",
    "Հիվանդը ջերմություն ունի",
    "བོད་ཡིག་གི་སྨན་",
    "ជំងឺគ្រុនចាញ់",
    "රෝගියාට උණ",
    "Ọ̀pọ̀lọpọ̀ ènìyàn ní ibà",
]

SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>",
    "<|start_header_id|>", "<|end_header_id|>", "<tool_call>", "</tool_call>", "<think>", "</think>",
    "<|fim_prefix|>", "<|reserved_special_token_0|>", "<repo_name>", "<file_sep>", "<empty_output>",
]

CODE = [
    "def f(x):\n    return x**2 if x >= 0 else -x  # abs?\n",
    "func main() {\n\tfmt.Println(\"hi\\n\")\n}\n",
    "SELECT id, COUNT(*) FROM rows WHERE t > '2024-01-01' GROUP BY 1;",
    "<div class=\"a b\">&nbsp;&lt;x&gt;</div><!-- c -->",
    "{\"text\": \"a\\u0000b\", \"n\": [1, 2.5e-10, null, true]}",
    "x=1;y=2;z=x+++y;a[i]->b::c<<=3;!~^&|",
    "#include <stdio.h>\nint main(void){for(;;);}\n",
    "https://example.org/path?q=1&r=%20#frag user@example.org 127.0.0.1:8080",
    "C:\\Program Files\\x\\y.exe /S /Q",
    "\\begin{align} e^{i\\pi}+1 &= 0 \\\\ \\end{align}",
    "    four\n        eight\n\t\ttabs\n  \t mixed\n",
    "if(a<b)||(c!=d){e&&f}",
    "________ -------- ======== ........ ######## //////// ********",
    "a_b-c.d,e;f:g!h?i'j\"k`l~m@n#o$p%q^r&s*t(u)v[w]x{y}z|",
]

WHITESPACE = [
    " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\t", "\t\t", "\r", "\r\n", "\r\n\r\n", " \n", "\n ", " \n ", "  \n\n  ",
    "a b", "a  b", "a   b", "a    b", " a", "  a", "   a", "a ", "a  ", "a\n", "a \n", "a\n b", "a\n\nb", "a \n \n b",
    "a\tb", "a\t\tb", "a \t b", "\ta", "a\r\nb", "a\r\n\r\nb", "a\rb", "a \r\n b", " \r\n", "x\v\fy", "\v", "\f \f",
    "a\u00a0b", "\u00a0", "\u00a0\u00a0a", " \u00a0a", "a\u2003b", "\u2003\u2003", "a\u2028b\u2029c", "\u3000\u3000漢字",
    "a\u200bb", "\u200b", "a\ufeffb", "\ufeff", "a\u0085b", "\u0085\u0085", "\u1680x", "\u205f\u202fx", "1\u00a0000\u202f000",
    " 1", "  1", "\n1", "1 ", "1  2", " !", "  !", "!  ", "! \n", "!\n\n", "!\r\n\r\n a", "...\n\n\n...", "a!\n b", "?!\n\t",
    " " * 17, "\n" * 17, "\t" * 9 + "x", (" " * 5 + "\n") * 4, "a" + " " * 33 + "b", " \t\n\r\v\f" * 3,
]

CONTRACTIONS = [
    "'s", "'S", "'t", "'T", "'re", "'RE", "'Re", "'rE", "'ve", "'VE", "'m", "'M", "'ll", "'LL", "'lL", "'d", "'D", "'", "''",
    "'''s", "'sss", "'reve", "'r", "'v", "'l", "'e", "' s", " 's", "a's", "a'S b'T", "1's", "!'s", "\n's", "'s's's", "'\u017f",
    "'\u017fa", "x'\u017fx", "’s", "don’t DON’T", "'DON'T'", "o'clock rock'n'roll 'twas", "'llama 'destroy 'many 'test",
]

NUMBERS = [
    "0", "12", "123", "1234", "12345", "123456", "1234567890123", "1,234,567.89", "1e-10", "0x1F", "3.14159", "1/2", "½", "²³",
    "x²", "Ⅻ", "①②③", "٣٤٥", "१२३४", "๑๒๓", "１２３４", "一二三", "〇", "𝟘𝟙𝟚𝟛", "1st 2nd 3rd 4th", "007", "1a2b3c", "a1b22c333d4444",
    "12:34:56", "+1 (555) 010-9999", "5mg", "5 mg", "10%", "$1.50", "€3", "99.9999999", "1\n2\n3", "᭐᭑", "𑁦𑁧", "\U00011de0\U00011de1 \U0001ccf0",
    "৪৫৬", "1٢3", "②a", "mg/m²/d", "10⁻⁶", "1 234 567",
]

UNICODE = [
    "é", "e\u0301", "e\u0301\u0302", "ñ n\u0303", "Å Å A\u030a", "ﬁ ﬂ ﬃ", "ǅ ǆ", "İ ı", "ß ẞ", "ſ", "K Ω", "한 한", "각 각", "ᄀ가",
    "க்ஷ", "नि", "ค้ำ", "👍", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "1️⃣", "❤️ ❤", "🧑🏿‍⚕️ 👩‍⚕️", "😀😃😄😁", "a😀b", " 😀", "😀 😀", "🫀🫁🧠🦴",
    "Z\u0351\u0352\u0353a\u0354\u0355l\u0356g\u0357o\u0358", "a" + "\u0301" * 40, "e" + "\u0316\u0301" * 20, "\u0301", " \u0301", "\u0301a",
    "q\u0307\u0323", "q\u0323\u0307", "a\u0315\u0300\u05ae\u0062", "\u0344", "\u0958", "\u2126\u212b", "\ufb1d", "\U0001d15e", "\U00011938",
    "\U00011935\U00011930", "x\u08d3\u0301\u0316", "o\u1df6\u0301", "a\u1abf\u0323\u0301", "b\u0334\u0345\u0301", "ά ά", "ᾳ ᾴ", "ộ o\u0302\u0323",
    "\u0041\u030a\u0327", "\u1100\u1161\u11a8\u11a9", "\u1100\u0301\u1161", "\uac00\u11a7", "\uac00\u11a8", "\u09c7\u09be", "\u0b47\u0b57",
    "\u202eabc\u202c", "\u200fשלום\u200e hello", "a\u00adb", "zero\u200cwidth\u200dnon", "\ufffd", "\ufffe\uffff", "\ue000\uf8ff", "\U0010ffff", "\U000e0001",
    "漢字かなカナ", "漢 字", "「括弧」、。", "ｶﾅ", "ＡＢＣ", "𠮷野家", "𝒜𝓫𝔠", "Ａ１！", "\u1c89\u1c8a", "\U000105c0\U000105c1", "\U0002ebf0\U0002ebf1", "\ua7cb",
    "\U0001e5f1", "\U00016d40\U00016d41 x", "\U000113d1", "ᏣᎳᎩ", "𐍈", "ⴰⴱⴲ", "ꙮ", "𓀀𓀁", "ᠮᠣᠩᠭᠣᠯ", "🜁🜂", "♠♣♥♦", "→⇒⟹", "∑∫√∞≠≤≥", "™®©℠",
    "‘’“”„«»‹›", "–—―…‥", "†‡§¶", "¡¿", "ºª", "µ μ", "\u0000", "a\u0000b", "\u0000\u0000", "\u0001\u0002\u0003", "\u001b[31mred\u001b[0m", "\u007f", "\u0080\u009f",
    "\u001c\u001d\u001e\u001f", "tab\u0009vt\u000bff\u000c", "\b\a",
]

LONG = [
    "a" * 300, "ab" * 150, "Ab" * 100, "x" * 65 + " " + "x" * 64, "1" * 100, "!" * 100, "-" * 81, "=" * 333, "é" * 100, "漢" * 80, "😀" * 40,
    "\u200b" * 60, "👨‍👩‍👧‍👦" * 12, "ha" * 77 + "!", "lopado" * 30, "methionyl" + "threonyl" * 25 + "isoleucine", "ACGT" * 60, "MVLSPADKTN" * 15,
    "0123456789" * 12, " a" * 60, "\n\n" * 40, ". " * 50, "'s" * 40, "\r\n" * 30, "()" * 60,
]


def in_specials():
    rows = list(SPECIALS)
    rows += [s + "a" for s in SPECIALS[:6]] + [" " + s for s in SPECIALS[:6]] + [s + " " + s for s in SPECIALS[:8]]
    rows += [
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>",
        "<|endoftext", "|endoftext|>", "<|endoftext|>|>", "<<|endoftext|>>", "<|end<|endoftext|>oftext|>", "<|ENDOFTEXT|>", "<|endoftext|><|endoftext|>",
        "< |endoftext|>", "<|im_start|", "<|<|<|", "é<|im_end|>é", "e<|im_end|>\u0301", "<PAD>", "[PAD]", "<s></s><unk>",
        "<think>\nok\n</think>\n\nYes.", "1<|endoftext|>2", "  <|endoftext|>  ", "\n<|endoftext|>\n", "don<|endoftext|>'t", "<|reserved_special_token_1", "<|reserved_special_token_10|>",
    ]
    return rows


def generated():
    rng = random.Random(20)
    pools = [
        "abcXYZ", "0123456789", " \t\n\r", ".,;:!?'\"-", "éüßñçøåÀÉ", "αβγδΩ", "абвгд", "漢字日本", "ابتث", "אבג", "हिन्दी", "👍😀🇩🇪\u200d\ufe0f",
        "\u0301\u0323\u0308", "\u00a0\u2003\u3000", "½²Ⅻ١२", "\u0000\u001b\u007f", "'st'redl'", "<|>", "한국어", "ไทย",
    ]
    rows = []
    for n in range(60):
        chosen = rng.sample(pools, rng.randint(1, 6))
        rows.append("".join(rng.choice(rng.choice(chosen)) for _ in range(rng.randint(3, 60))))
    for n in range(12):  # any assigned-looking characters at all
        rows.append("".join(chr(c) for c in (rng.randint(0x20, 0x2FFFF) for _ in range(30)) if not 0xD800 <= c < 0xE000))
    words = " ".join(MEDICAL).split(" ")
    for n in range(10):
        rows.append(" ".join(rng.choice(words) for _ in range(rng.randint(10, 80))))
    return rows


def all_texts():
    rows = [""] + MEDICAL + CODE + WHITESPACE + CONTRACTIONS + NUMBERS + UNICODE + LONG + in_specials() + generated()
    return list(dict.fromkeys(rows))


if __name__ == "__main__":
    print(len(all_texts()))
