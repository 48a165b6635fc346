//! `preseedctl show NAME`

use std::fmt::Write as _;
use std::process::ExitCode;

use declaration::explain::{self, Origin, Value};
use declaration::layer::Layer;
use declaration::section::Outcome;
use declaration::{Search, visible};
use serde_json::{Map, json};

use crate::cat::refuse;
use crate::say::print_raw;

/// Where a comment begins, if there is room.
const COMMENT: usize = 48;

/// Prints each value of a service, and where it comes from.
pub(crate) fn show(name: &str, json: bool) -> ExitCode {
    match explain::values(&Search::from_env(), name) {
        Ok(values) if json => print_raw!("{:#}\n", as_json(name, &values)),
        Ok(values) => print_raw!("{}", as_toml(&values)),
        Err(problems) => return refuse(&problems),
    }
    ExitCode::SUCCESS
}

/// A declaration that says all of it, with where each value comes from as a comment.
fn as_toml(values: &[Value]) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let mut table = "";
    for value in values {
        if value.table != table {
            table = &value.table;
            // One of which nothing is declared is none: `[user]` alone would declare a user.
            let mut own = values.iter().filter(|value| value.table == table);
            let is_declared = own.any(|value| value.value != Outcome::Nothing);
            let comment = if is_declared { "" } else { "# " };
            let _ = writeln!(text, "\n{comment}{table}");
        }
        let line = match &value.value {
            Outcome::Nothing => format!("# {}: {}", value.key, value.default),
            outcome => format!("{} = {outcome}", value.key),
        };
        let origins: Vec<String> = value.origins.iter().map(origin).collect();
        let _ = writeln!(text, "{line:COMMENT$}  # {}", origins.join(", "));
    }
    text
}

fn origin(origin: &Origin) -> String {
    let Some((file, line, _)) = &origin.declared else {
        return "default".to_owned();
    };
    let place = visible(&format!("{}:{line}", file.display()));
    match origin.layer {
        Layer::Template => format!("template {place}"),
        Layer::Service | Layer::Host | Layer::Default => place,
    }
}

fn as_json(name: &str, values: &[Value]) -> serde_json::Value {
    let mut tables = Map::new();
    for value in values {
        let table = value.table.trim_matches(['[', ']']);
        let origins: Vec<_> = value.origins.iter().map(origin_as_json).collect();
        let entry = json!({ "value": outcome_as_json(&value.value), "from": origins });
        if table.is_empty() {
            tables.insert(value.key.to_owned(), entry);
        } else if let serde_json::Value::Object(keys) =
            tables.entry(table).or_insert_with(|| json!({}))
        {
            keys.insert(value.key.to_owned(), entry);
        }
    }
    tables.insert("service".to_owned(), json!(name));
    serde_json::Value::Object(tables)
}

fn origin_as_json(origin: &Origin) -> serde_json::Value {
    let layer = match origin.layer {
        Layer::Service => "service",
        Layer::Template => "template",
        Layer::Host => "host",
        Layer::Default => "default",
    };
    match &origin.declared {
        None => json!({ "layer": layer }),
        Some((file, line, column)) => {
            json!({ "layer": layer, "file": file.to_string_lossy(), "line": line, "column": column })
        }
    }
}

fn outcome_as_json(outcome: &Outcome) -> serde_json::Value {
    match outcome {
        Outcome::Nothing => serde_json::Value::Null,
        Outcome::Text(text) => json!(text),
        Outcome::Number(number) => json!(number),
        Outcome::Flag(flag) => json!(flag),
        Outcome::List(values) => values.iter().map(outcome_as_json).collect(),
        Outcome::Table(values) => {
            let values = values.iter();
            let values = values.map(|(key, value)| (key.clone(), outcome_as_json(value)));
            serde_json::Value::Object(values.collect())
        }
    }
}
