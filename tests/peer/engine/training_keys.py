"""Writes configs/testdata/upstream.json: every field of TrainingArguments, LoraConfig, and TRL's RewardConfig and DPOConfig,
with its default, from the libraries themselves. Package configs must honour, ignore by name or refuse each of them.

Versions the committed list was made with: Python 3.11.7, transformers 5.23.0, peft 0.21.2, trl 1.16.0.
Usage: python training_keys.py > ../../../configs/testdata/upstream.json
"""
import dataclasses
import enum
import json

import peft
import transformers
import trl


def default(field):
    value = field.default if field.default is not dataclasses.MISSING else field.default_factory()
    if isinstance(value, enum.Enum):
        value = value.value
    return value if isinstance(value, (bool, int, float, str, list, dict)) else None


def fields(library, cls):
    return {"library": library.__name__, "version": library.__version__, "class": cls.__name__,
            "fields": [{"name": f.name, "default": default(f)} for f in dataclasses.fields(cls) if f.init]}


print(json.dumps([fields(transformers, transformers.TrainingArguments), fields(peft, peft.LoraConfig),
                  fields(trl, trl.RewardConfig), fields(trl, trl.DPOConfig)], indent=1))
