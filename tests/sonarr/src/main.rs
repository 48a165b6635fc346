//! A small service in Sonarr's shape, for the scenarios.
//!
//! Like the real one it keeps a `SQLite` database and a `config.xml` in its data
//! directory, and makes fresh ones when they are missing: started on an empty
//! directory it runs, without any of its data.

mod client;
mod library;
mod notify;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "a small service in Sonarr's shape")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service in the foreground until SIGTERM
    Serve {
        /// The data directory, which must exist
        #[arg(long, default_value = "/var/lib/sonarr")]
        data: PathBuf,
        #[arg(long, default_value = client::ADDRESS)]
        listen: SocketAddr,
    },
    /// Exit 0 if the service answers
    Health(Address),
    /// Print the titles of the series the service holds, one per line
    List(Address),
    /// Add a series
    Add {
        title: String,
        #[command(flatten)]
        service: Address,
    },
}

#[derive(clap::Args)]
struct Address {
    /// Where the service listens
    #[arg(long, default_value = client::ADDRESS)]
    at: SocketAddr,
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { data, listen } => serve::serve(&data, listen),
        Command::Health(service) => client::request(service.at, "GET", "/ping", "").map(drop),
        Command::List(service) => {
            print!("{}", client::request(service.at, "GET", "/series", "")?);
            Ok(())
        }
        Command::Add { title, service } => {
            client::request(service.at, "POST", "/series", &title).map(drop)
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sonarr: {error:#}");
            ExitCode::FAILURE
        }
    }
}
