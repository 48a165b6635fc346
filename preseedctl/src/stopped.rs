//! A service's units while its data is replaced: stopped, and started again however that ends.

use std::sync::{Arc, Mutex, PoisonError};

use declaration::settings::Service;
use report::{status, words};
use restore::interrupt;
use storage::{Error, Result};
use systemd::units;

/// Units that were stopped, and are to be started again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stopped(Arc<Mutex<Vec<String>>>);

/// What must not run while its data is replaced, where `--stop` was not given.
pub(crate) fn must_run_no_more(service: &Service, running: &[String]) -> Result<()> {
    if running.is_empty() {
        return Ok(());
    }
    let units = running.join(" ");
    Err(Error::new(
        service.name.as_str(),
        format!("{units} must be stopped first"),
        format!(
            "`systemctl stop {units}`, or add --stop: that stops it, and starts it again in any case"
        ),
    ))
}

impl Stopped {
    /// Has an interrupt tell what is `left`, and start the units again.
    pub(crate) fn watch(left: &str) -> Self {
        let stopped = Self::default();
        let again = stopped.clone();
        interrupt::watch_and(left.to_owned(), move || {
            // They wait for the lock that this process has, until it is gone.
            let _ = units::start_later(&again.take());
        });
        stopped
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Self::stop`], if that is asked for.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub(crate) fn stop_if(&self, asked: bool, service: &Service) -> Result<()> {
        if asked { self.stop(service) } else { Ok(()) }
    }

    /// Stops what runs of the service.
    ///
    /// # Errors
    /// When it cannot be stopped. What was is to be started again.
    fn stop(&self, service: &Service) -> Result<()> {
        let running = units::running(service)?;
        if running.is_empty() {
            return Ok(());
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&running);
        status::say(&format!("stopping {}", running.join(" ")));
        units::stop(&running)
    }

    /// Starts again what was stopped, once nothing holds the service's storage any more. Gives whether it started.
    pub(crate) fn start_again(&self) -> bool {
        let units = self.take();
        if units.is_empty() {
            return true;
        }
        status::say(&format!("starting {} again", units.join(" ")));
        match units::start(&units) {
            Ok(()) => true,
            Err(error) => {
                words::tell(&error.to_string());
                false
            }
        }
    }
}
