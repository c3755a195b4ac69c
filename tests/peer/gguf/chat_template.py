"""Writes data/instruct/testdata/chat.json: what transformers' apply_chat_template makes of the template's Jinja form, which is read
from standard input as a JSON object of audience to template, for one question and for three turns.

Versions the committed file was made with: Python 3.11.7, transformers 5.23.0, jinja2 3.1.6.
Usage: ELARA_UPDATE=/tmp/t.json go test ./data/instruct -run Jinja; python chat_template.py < /tmp/t.json > data/instruct/testdata/chat.json
"""
import json
import sys

from transformers.utils.chat_template_utils import render_jinja_template

CONVERSATIONS = [
    [{"role": "user", "content": "Why?"}],
    [{"role": "system", "content": "Say \"no\" to 'all'.\nAlways."}, {"role": "user", "content": " Is it\n\tsafe? "}],
    [{"role": "user", "content": "Fever of 39.5 °C"}, {"role": "assistant", "content": "Rest.\n"}, {"role": "user", "content": "And {{ then }}?"}],
]
templates = json.load(sys.stdin)
golden = {"templates": templates, "conversations": CONVERSATIONS, "rendered": {}}
for audience, template in templates.items():
    golden["rendered"][audience] = render_jinja_template(conversations=CONVERSATIONS, chat_template=template, add_generation_prompt=True)[0]
json.dump(golden, sys.stdout, indent=1, ensure_ascii=False)
print()
