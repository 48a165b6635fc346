//! `preseedctl completions`, and the names that they complete.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::say::print_raw;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use declaration::{Search, shelf};
use restore::history;
use storage::replaced;

/// What names can be of.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Names {
    /// Declared services.
    Services,
    /// Templates of the catalog.
    Catalog,
    /// Snapshots of a service on this machine.
    Snapshots,
    /// What restores replaced, and the services it was of.
    Kept,
}

/// Completes names in bash, which splits words at `:` as well.
const BASH: &str = r#"
_preseedctl_names() {
    local names line=${COMP_LINE:0:COMP_POINT}
    local word=${line##* }
    case ${COMP_WORDS[1]}:$word in
        *:-*) ;;
        restore:* | drill:*)
            names=services
            [[ ${COMP_WORDS[COMP_CWORD - 1]} != --* ]] || names=
            [[ $line != *" --snapshot "* || ${line% *} != *" --snapshot" ]] || names="snapshots ${COMP_WORDS[2]}"
            ;;
        release:*) names=kept ;;
        catalog:*) names=catalog ;;
        cat:* | show:* | diff:* | apply:* | plan:* | status:* | list:* | undo:* | enable:* | disable:* | forget:* | accept:*) names=services ;;
    esac
    if [[ -z $names || $COMP_CWORD -lt 2 ]]; then
        _preseedctl "$@"
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(preseedctl names $names 2>/dev/null)" -- "$word")
    COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
}
complete -F _preseedctl_names -o nosort -o bashdefault -o default preseedctl
"#;

/// The same in fish.
const FISH: &str = r#"
complete -c preseedctl -n "__fish_seen_subcommand_from release" -f -a "(preseedctl names kept 2>/dev/null)"
complete -c preseedctl -n "__fish_seen_subcommand_from catalog" -f -a "(preseedctl names catalog 2>/dev/null)"
complete -c preseedctl -n "__fish_seen_subcommand_from cat show diff apply plan status list restore undo drill enable disable forget accept" -f -a "(preseedctl names services 2>/dev/null)"
complete -c preseedctl -n "__fish_seen_subcommand_from restore" -l snapshot -x -a "(preseedctl names snapshots (commandline -opc)[3] 2>/dev/null)"
"#;

/// Prints a completion script for a shell.
pub(crate) fn completions<C: CommandFactory>(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut C::command(), "preseedctl", &mut script);
    let script = String::from_utf8_lossy(&script);
    match shell {
        Shell::Bash => print_raw!("{script}{BASH}"),
        Shell::Fish => print_raw!("{script}{FISH}"),
        Shell::Zsh => print_raw!("{}", with_names(&script)),
        _ => print_raw!("{script}"),
    }
    ExitCode::SUCCESS
}

/// zsh's script, which completes names of files where a name is wanted, with ours in their place.
fn with_names(script: &str) -> String {
    let mut with_names = String::with_capacity(script.len() + 1024);
    for line in script.lines() {
        let names = if line.starts_with("'*::names") && line.contains("kept") {
            "kept"
        } else if line.starts_with("'::template") {
            "catalog"
        } else {
            "services"
        };
        let is_snapshot = line.starts_with("'--snapshot=");
        // The words after the command: the service comes first.
        let names = if is_snapshot {
            "snapshots ${words[2]}"
        } else {
            names
        };
        let ours =
            format!(r#":{{ compadd -- ${{(f)"$(preseedctl names {names} 2>/dev/null)"}} }}'"#);
        let is_name = ["'*::names ", "'::template ", "'::name ", "':name "]
            .iter()
            .any(|start| line.starts_with(start));
        let is_ours = is_name || is_snapshot;
        match line.split_once(":_default'").filter(|_| is_ours) {
            Some((before, after)) => with_names.extend([before, &ours, after]),
            None => with_names.push_str(line),
        }
        with_names.push('\n');
    }
    with_names
}

/// Prints names, one a line; none where they cannot be told.
pub(crate) fn names(of: Names, service: Option<&str>) -> ExitCode {
    let search = Search::from_env();
    let names: BTreeSet<String> = match of {
        Names::Catalog => {
            let entries = shelf::entries(&search).0.into_iter();
            entries.map(|entry| entry.name).collect()
        }
        Names::Services => {
            let host = declaration::load(&search);
            let sound = host.services.iter().map(|service| service.name.to_string());
            sound
                .chain(host.broken.iter().map(|broken| broken.name.clone()))
                .collect()
        }
        Names::Snapshots => {
            let host = declaration::load(&search);
            let of = |name| {
                host.services
                    .iter()
                    .find(|service| service.name.as_str() == name)
            };
            let names = service
                .and_then(of)
                .and_then(|service| history::names(service).ok());
            let short = |name: String| name.split_once('@').map(|(_, short)| short.to_owned());
            names
                .unwrap_or_default()
                .into_iter()
                .filter_map(short)
                .collect()
        }
        Names::Kept => {
            let parts = declaration::load(&search).parts();
            let kept = replaced::list(&parts).replaced;
            let services = kept.iter().filter_map(|kept| kept.service(&parts));
            let services: Vec<String> = services.map(|part| part.of().to_owned()).collect();
            kept.into_iter()
                .map(|kept| kept.name)
                .chain(services)
                .collect()
        }
    };
    for name in names {
        print_raw!("{name}\n");
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_completes_our_names() {
        let script = "'-h[Print help]' \\\n'*::names -- Names as `kept` lists them:_default' \\\n':name -- The name:_default' \\\n':shell:_default'\n";
        let with_names = with_names(script);
        assert!(
            with_names.contains(
                r#"lists them:{ compadd -- ${(f)"$(preseedctl names kept 2>/dev/null)"} }' \"#
            ),
            "{with_names}"
        );
        assert!(
            with_names.contains("preseedctl names services"),
            "{with_names}"
        );
        assert!(with_names.ends_with("':shell:_default'\n"), "{with_names}");
    }

    #[test]
    fn zsh_completes_services_where_a_command_is_about_one_and_nowhere_else() {
        let mut script = Vec::new();
        let mut command = crate::Arguments::command();
        clap_complete::generate(Shell::Zsh, &mut command, "preseedctl", &mut script);
        let with_names = with_names(&String::from_utf8_lossy(&script));
        let services = with_names
            .lines()
            .filter(|line| line.contains("names services"));
        let services: Vec<&str> = services.collect();
        assert!(
            services.iter().any(|line| line.starts_with("'::name ")),
            "of diff: {services:?}"
        );
        assert!(
            services.iter().any(|line| line.starts_with("':name ")),
            "of show: {services:?}"
        );
        assert!(
            with_names
                .lines()
                .any(|line| line.starts_with("'--snapshot=") && line.contains("names snapshots")),
            "{with_names}"
        );
        assert!(
            services.iter().any(|line| line.starts_with("'*::names ")),
            "of status: {services:?}"
        );
        assert!(with_names.contains("names kept"), "of release");
        assert!(
            services.iter().all(|line| !line.contains("repository")),
            "{services:?}"
        );
    }
}
