//! The only file that waits for a device.
//!
//! Natively a device is polled until its work is done or the time-out is over: no future is left pending, and
//! [`block_on`] returns at once. A browser drives its devices itself: there the callbacks are awaited, and it is the
//! browser that gives up on a device that hangs.

use std::time::Duration;

pub use here::{Submission, block_on};
pub(super) use here::{finish, map};

type Polled<T> = Result<T, wgpu::PollError>;
/// Outcome of mapping a buffer; `None` if the device never answered.
type Mapped = Option<Result<(), wgpu::BufferAsyncError>>;

#[cfg(not(target_family = "wasm"))]
mod here {
    use super::*;
    use std::sync::mpsc;

    use crate::error::Result;

    /// Work that was submitted to a device.
    pub struct Submission(wgpu::SubmissionIndex);

    impl Submission {
        pub(in crate::gpu) fn new(_: &wgpu::Queue, index: wgpu::SubmissionIndex) -> Self {
            Self(index)
        }
    }

    /// Waits for a submission, or for all of them.
    fn poll(
        device: &wgpu::Device,
        submission_index: Option<wgpu::SubmissionIndex>,
        timeout: Duration,
    ) -> Polled<()> {
        let until = wgpu::PollType::Wait {
            submission_index,
            timeout: Some(timeout),
        };
        device.poll(until).map(drop)
    }

    /// Waits for a submission.
    pub(in crate::gpu) async fn finish(
        device: &wgpu::Device,
        Submission(index): Submission,
        timeout: Duration,
    ) -> Polled<()> {
        poll(device, Some(index), timeout)
    }

    /// Maps a buffer's first `bytes` bytes for reading, once all that was submitted has run.
    pub(in crate::gpu) async fn map(
        device: &wgpu::Device,
        buffer: &wgpu::Buffer,
        bytes: u64,
        timeout: Duration,
    ) -> Polled<Mapped> {
        // A lost device says so here, before its invalid buffer does.
        device.poll(wgpu::PollType::Poll)?;
        let (sender, answer) = mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |mapped| {
            // Nobody listens after a time-out.
            let _ = sender.send(mapped);
        });
        poll(device, None, timeout)?;
        Ok(answer.try_recv().ok())
    }

    /// Runs an asynchronous call of this module to its end. In a browser, where nothing may block, it fails.
    ///
    /// # Errors
    /// Errors of the call.
    pub fn block_on<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
        pollster::block_on(call)
    }
}

#[cfg(target_family = "wasm")]
mod here {
    use super::*;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Poll, Waker};

    use crate::error::{Error, Result};

    /// Argument of a future call of a callback, as a future.
    struct Answer<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

    impl<T> Answer<T> {
        fn pending() -> Self {
            Self(Arc::new(Mutex::new((None, None))))
        }

        fn slot(&self) -> MutexGuard<'_, (Option<T>, Option<Waker>)> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// The callback.
        fn callback(&self) -> impl FnOnce(T) + use<T> {
            let answer = Self(Arc::clone(&self.0));
            move |value| {
                let mut slot = answer.slot();
                slot.0 = Some(value);
                if let Some(waker) = slot.1.take() {
                    waker.wake();
                }
            }
        }
    }

    impl<T> Future for Answer<T> {
        type Output = T;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
            let mut slot = self.slot();
            if let Some(value) = slot.0.take() {
                return Poll::Ready(value);
            }
            slot.1 = Some(context.waker().clone());
            Poll::Pending
        }
    }

    /// Work that was submitted to a device.
    pub struct Submission(Answer<()>);

    impl Submission {
        pub(in crate::gpu) fn new(queue: &wgpu::Queue, _: wgpu::SubmissionIndex) -> Self {
            let done = Answer::pending();
            let callback = done.callback();
            queue.on_submitted_work_done(move || callback(()));
            Self(done)
        }
    }

    /// Waits for a submission.
    pub(in crate::gpu) async fn finish(
        _: &wgpu::Device,
        Submission(done): Submission,
        _: Duration,
    ) -> Polled<()> {
        done.await;
        Ok(())
    }

    /// Maps a buffer's first `bytes` bytes for reading, once all that was submitted has run.
    pub(in crate::gpu) async fn map(
        _: &wgpu::Device,
        buffer: &wgpu::Buffer,
        bytes: u64,
        _: Duration,
    ) -> Polled<Mapped> {
        let answer = Answer::pending();
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, answer.callback());
        Ok(Some(answer.await))
    }

    /// Fails: nothing may block in a browser, where asynchronous calls are awaited.
    ///
    /// # Errors
    /// Always.
    pub fn block_on<T>(_: impl Future<Output = Result<T>>) -> Result<T> {
        Err(Error::Device(
            "found a blocking call in a browser, expected an asynchronous one".into(),
        ))
    }
}
