package shoptest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// order is what the shop keeps of one.
type order struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Lines  []line `json:"lines"`
}

type line struct {
	Product  string `json:"product_id"`
	Quantity int    `json:"quantity"`
}

// OrderCount gives how many orders the shop has taken, and how many of them are
// in the state.
func (s *Shop) OrderCount(status string) (all, so int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.orders {
		if one.Status == status {
			so++
		}
	}
	return len(s.orders), so
}

// place takes an order, once for a key.
func (s *Shop) place(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	var placed order
	if err := json.NewDecoder(r.Body).Decode(&placed); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if key == "" || len(placed.Lines) == 0 {
		http.Error(w, "Idempotency-Key or lines are missing", http.StatusUnprocessableEntity)
		return
	}
	if before := s.orders[key]; before != nil {
		w.Header().Set("Idempotency-Replayed", "true")
		answer(w, http.StatusCreated, before)
		return
	}
	for _, line := range placed.Lines {
		if product := s.products[line.Product]; product == nil || line.Quantity < 1 {
			http.Error(w, "no such product, or no quantity", http.StatusUnprocessableEntity)
			return
		}
		delete(s.cached, line.Product) // its stock, and so its version, is another
	}
	s.next++
	placed.ID, placed.Status = fmt.Sprintf("00000000-0000-7000-9000-%012d", s.next), "placed"
	s.orders[key] = &placed
	answer(w, http.StatusCreated, placed)
}

// readOrder moves an order on after its first read.
func (s *Shop) readOrder(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.order(r.PathValue("id"))
	if found == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, http.StatusOK, found)
	if found.Status != "placed" {
		return
	}
	switch found.Status = s.Orders; s.Orders {
	case "":
		found.Status = "confirmed"
	case "rejected":
		found.Reason = s.Reason
	}
}

func (s *Shop) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.order(r.PathValue("id"))
	switch {
	case found == nil:
		http.NotFound(w, r)
	case found.Status != "placed" && found.Status != "reserved":
		http.Error(w, "too late", http.StatusConflict)
	default:
		found.Status = "cancelled"
		answer(w, http.StatusOK, found)
	}
}

func (s *Shop) order(id string) *order {
	for _, one := range s.orders {
		if one.ID == id {
			return one
		}
	}
	return nil
}
