//! A table of values with small numbers as names.

/// A table that reuses its places.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    /// Makes a table with memory for so many values.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity) }
    }

    /// Adds a value, and returns its name.
    pub fn insert(&mut self, value: T) -> usize {
        if let Some(id) = self.free.pop()
            && let Some(entry) = self.entries.get_mut(id)
        {
            *entry = Some(value);
            return id;
        }
        self.entries.push(Some(value));
        self.entries.len() - 1
    }

    /// Returns a value.
    #[must_use]
    pub fn get(&self, id: usize) -> Option<&T> {
        self.entries.get(id)?.as_ref()
    }

    /// Returns a value.
    pub fn get_mut(&mut self, id: usize) -> Option<&mut T> {
        self.entries.get_mut(id)?.as_mut()
    }

    /// Removes a value.
    pub fn remove(&mut self, id: usize) -> Option<T> {
        let value = self.entries.get_mut(id)?.take()?;
        self.free.push(id);
        Some(value)
    }

    /// Returns the values and their names.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.entries.iter().enumerate().filter_map(|(id, entry)| Some((id, entry.as_ref()?)))
    }

    /// Returns how many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
