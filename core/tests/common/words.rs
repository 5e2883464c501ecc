//! Transcripts in words.
