//! What drills have shown of the newest copies of a service.

use declaration::settings::Promise;
use restore::proof::Outcome;
use storage::local;

use super::super::facts::Facts;
use super::super::state::{State, Trouble};
use crate::kept::span;

/// What is wrong with what drills have shown.
pub(super) fn troubles(facts: &Facts) -> Vec<Trouble> {
    let trouble = |state, text| Trouble { state, text };
    let drills = match &facts.drills {
        Ok(drills) => drills,
        Err(error) => return vec![trouble(State::NeedsALook, error.to_string())],
    };
    let mut troubles = Vec::new();
    let name = &facts.name;
    match &facts.late {
        Ok(None) => {}
        Ok(Some(up)) => {
            let text = format!(
                "its drill is late, the machine was up for {} without one: see `systemctl status drill-{name}.service \
                 drill-{name}.timer`, or `preseedctl drill {name}`",
                span(*up)
            );
            troubles.push(trouble(State::NeedsALook, text));
        }
        Err(error) => troubles.push(trouble(State::NeedsALook, error.to_string())),
    }
    let broken = if facts.promise == Promise::default() {
        State::NeedsALook
    } else {
        State::PromiseBroken
    };
    for part in &facts.parts {
        let standing = drills.standing(&part.name);
        for drill in standing.iter().filter(|drill| !drill.outcome.is_good()) {
            let text = format!(
                "the newest copy of {} could not be restored in the drill of {}: {}; `preseedctl list {name}` shows the others",
                drill.source,
                local(drill.drilled),
                drill.outcome.why().unwrap_or("nobody knows why")
            );
            troubles.push(trouble(broken, text));
        }
        for drill in drills.of_newest(&part.name) {
            match &drill.outcome {
                // Others were meant not to be drilled.
                Outcome::NotDrilled { error, why } if !error.is_empty() => {
                    let text = format!(
                        "the newest copy of {} could not be drilled at {}: {why}; `preseedctl drill {name}` tries again",
                        drill.source,
                        local(drill.drilled)
                    );
                    troubles.push(trouble(State::NeedsALook, text));
                }
                _ => {}
            }
        }
    }
    troubles
}
