package orders

// WaitingCount is how many payments the book remembers that are no order yet.
func (b *Book) WaitingCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}
