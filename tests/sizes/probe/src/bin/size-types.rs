//! The types that a device holds in its memory, as symbols: each is named after its type and has
//! its type's size.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("Built for a microcontroller, this is measured by `cargo sizes`.");
}

#[cfg(target_os = "none")]
mod firmware {
    #![expect(unsafe_code, reason = "a symbol's name is a promise to the linker")]

    use core::hint::black_box;

    // For its panic handler.
    use size_probe as _;

    macro_rules! measure {
        ($($name:literal: $type:ty;)*) => {$({
            // SAFETY: no other symbol has a name with spaces in it.
            #[unsafe(export_name = $name)]
            static SIZE: [u8; size_of::<$type>()] = [0; size_of::<$type>()];
            black_box(&SIZE);
        })*};
    }

    #[cortex_m_rt::entry]
    fn main() -> ! {
        measure! {
            "size of Client": hoglet::Client<'static>;
            "size of Config": hoglet::Config<'static>;
            "size of Storage": hoglet::Storage<'static>;
            "size of Slot": hoglet::Slot;
            "size of Event": hoglet::Event<'static>;
            "size of Value": hoglet::Value<'static>;
            "size of Accepted": hoglet::Accepted;
            "size of CaptureError": hoglet::CaptureError;
            "size of Action": hoglet::Action;
            "size of Request": hoglet::Request<'static>;
            "size of ResponseHead": hoglet::ResponseHead;
            "size of Receipt": hoglet::Receipt<'static>;
            "size of Stats": hoglet::Stats;
        }
        #[cfg(feature = "gzip")]
        measure! {
            "size of BodyEncoder": hoglet::BodyEncoder<'static>;
            "size of deflate::Table": hoglet::deflate::Table;
        }
        loop {
            core::hint::spin_loop();
        }
    }
}
