//! What is remembered of a service in the same step that puts its data in place.

use declaration::settings::Service;

use super::file;
use super::of_service::{in_place_of, pool_of, record_of, with_data_since_it_was_empty};
use super::record::{Record, What};
use crate::zfs::memory::Replacement;
use crate::{Mark, MarkState};

/// What is remembered of a service whose data is put in place: nobody has to look then.
pub(crate) struct WithTheData {
    record: Record,
    /// For its pool.
    pub(crate) in_pool: Replacement,
}

/// What is to be remembered of a service whose data, with this identity and mark, is being put in place in its pool. `None`
/// where [`super::saw_data`] has to look at what is remembered.
pub(crate) fn with_the_data(service: &Service, identity: &str, mark: &Mark) -> Option<WithTheData> {
    let pool = pool_of(service)?;
    let mark = MarkState::Ours(mark.clone());
    let mut record = record_of(service, What::Data, identity.to_owned(), mark);
    let known = file::read(service.name.as_str()).ok()?;
    if let Some(known) = &known {
        let was_empty = with_data_since_it_was_empty(known);
        record.comes_after(was_empty.as_ref().unwrap_or(known));
    }
    let in_pool = in_place_of(pool, service.name.as_str(), &record, known.as_ref())?;
    Some(WithTheData { record, in_pool })
}

impl WithTheData {
    /// Notes in the file as well what the pool remembers now. If that cannot be, [`super::saw_data`] says so.
    pub(crate) fn note(&self, service: &Service) {
        let _ = file::write(service.name.as_str(), &self.record);
    }
}
