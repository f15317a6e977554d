//! Libraries built on `huggingface_hub`, unmodified: `datasets`, and of `transformers` what needs no framework.

use crate::support::Server;
use serde_json::json;

/// The environment that `tests/run` makes for them.
const LIBRARIES: &str = "test-venv-libraries";

#[test]
fn a_dataset_is_pushed_to_a_new_repository_and_loaded() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(LIBRARIES).run(
        r#"
        import datasets
        rows = datasets.Dataset.from_dict({"text": ["one", "two", "three"], "label": [0, 1, 0]})
        rows.push_to_hub("alice/rows")
        parts = datasets.DatasetDict({"train": rows, "test": rows.select([0])})
        parts.push_to_hub("alice/parts", private=True)
        rows.push_to_hub("alice/rows", split="more")
        loaded = datasets.load_dataset("alice/rows", split="train")
        tree = api.list_repo_tree("alice/rows", repo_type="dataset", recursive=True)
        large = {e.path: e.lfs is not None for e in tree if e.path.endswith(".parquet")}
        say({"text": loaded["text"][:], "parts": {k: len(v) for k, v in datasets.load_dataset("alice/parts").items()},
             "splits": sorted(datasets.get_dataset_split_names("alice/rows")), "large": sorted(large.values())})
        "#,
    );
    assert_eq!(
        output,
        json!({"text": ["one", "two", "three"], "parts": {"train": 3, "test": 1}, "splits": ["more", "train"],
               "large": [true, true]})
    );
}

#[test]
fn a_tokenizer_and_a_config_are_pushed_to_a_new_model_and_loaded() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(LIBRARIES).run(
        r#"
        from tokenizers import Tokenizer, models, pre_tokenizers
        from transformers import AutoTokenizer, BertConfig, AutoConfig, PreTrainedTokenizerFast
        words = Tokenizer(models.WordLevel({"[UNK]": 0, "hello": 1, "world": 2}, unk_token="[UNK]"))
        words.pre_tokenizer = pre_tokenizers.Whitespace()
        BertConfig(hidden_size=8, num_attention_heads=2).push_to_hub("alice/tiny")
        PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").push_to_hub("alice/tiny")
        say({"ids": AutoTokenizer.from_pretrained("alice/tiny")("hello world")["input_ids"],
             "hidden": AutoConfig.from_pretrained("alice/tiny").hidden_size})
        "#,
    );
    assert_eq!(output, json!({"ids": [1, 2], "hidden": 8}));
}
