//! The reference authorization server: named rules, faults that skip them, and a listener. It knows no checks.
