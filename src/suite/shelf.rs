//! Files of one kind by id, each read when it is first asked for: a run needs a part of the catalogue, and `list` none of it.

use std::borrow::Cow;
use std::sync::OnceLock;

use indexmap::IndexMap;

/// A file as the build left it.
#[derive(Debug)]
pub(super) struct Packed {
    /// Its path below its folder; for a variant with the name of the variant.
    pub(super) id: &'static str,
    /// Its title; empty when it has none.
    pub(super) title: &'static str,
    /// The source's own word, for a check.
    pub(super) level: &'static str,
    /// All of it, as JSON.
    pub(super) text: &'static str,
}

/// What can stand on a shelf.
pub(super) trait Unpack: Sized {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// It is not JSON or does not fit the type.
    fn unpack(id: &str, text: &str) -> Result<Self, serde_json::Error>;
}

/// Files of one kind, by id and in order.
#[derive(Debug)]
pub struct Shelf<T>(IndexMap<Cow<'static, str>, Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    /// `None` for what was read at once.
    packed: Option<&'static Packed>,
    // Boxed, so that a slot that nobody looks into costs a few bytes.
    read: OnceLock<Box<T>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

#[allow(private_bounds, reason = "nobody else makes kinds of files")]
impl<T: Unpack> Shelf<T> {
    /// Files that the build packed.
    pub(super) fn packed(files: &'static [Packed]) -> Self {
        let slot = |file: &'static Packed| Slot { packed: Some(file), read: OnceLock::new() };
        Self(files.iter().map(|file| (Cow::Borrowed(file.id), slot(file))).collect())
    }

    /// Files that were read already.
    pub(super) fn read(files: impl IntoIterator<Item = (String, T)>) -> Self {
        let slot = |file| Slot { packed: None, read: OnceLock::from(Box::new(file)) };
        Self(files.into_iter().map(|(id, file)| (Cow::Owned(id), slot(file))).collect())
    }

    /// The file of this id.
    ///
    /// # Panics
    /// The build packed a file that does not fit its type: a test of the loader reads them all.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&T> {
        self.0.get_key_value(id).map(|(id, slot)| slot.get(id))
    }

    /// The file of this id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let (id, slot) = self.0.get_key_value(id)?;
        slot.get(id);
        let id = id.clone();
        self.0.get_mut(&id)?.read.get_mut().map(Box::as_mut)
    }

    /// Whether there is a file of this id.
    #[must_use]
    pub fn contains_key(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// All ids, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(Cow::as_ref)
    }

    /// All files, in order: this reads every one of them.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(id, slot)| slot.get(id))
    }

    /// All ids with their files, in order: this reads every one of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(id, slot)| (id.as_ref(), slot.get(id)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the files into another order.
    pub fn sort_by_id<K: Ord>(&mut self, mut key: impl FnMut(&str) -> K) {
        self.0.sort_by_key(|id, _| key(id));
    }

    /// What the build noted of each file, or the file where it was read at once.
    pub(super) fn notes(&self) -> impl Iterator<Item = (&str, Result<&'static Packed, &T>)> {
        self.0.iter().map(|(id, slot)| (id.as_ref(), slot.packed.ok_or_else(|| slot.get(id))))
    }
}

impl<T: Unpack> Slot<T> {
    fn get(&self, id: &str) -> &T {
        self.read.get_or_init(|| {
            let text = self.packed.map_or("", |packed| packed.text);
            let file = T::unpack(id, text);
            Box::new(file.unwrap_or_else(|error| panic!("the embedded file `{id}` is broken: {error}")))
        })
    }
}

#[allow(private_bounds, reason = "nobody else makes kinds of files")]
impl<T: Unpack> std::ops::Index<&str> for Shelf<T> {
    type Output = T;

    fn index(&self, id: &str) -> &T {
        self.get(id).unwrap_or_else(|| panic!("nothing is called `{id}`"))
    }
}
