//! Draws the pictures in `examples/digits/`, which `gpu-train predict` is shown in the README and in the tests: strokes
//! of a pen as SVG, rendered with antialiasing.
//!
//!     cargo run --example draw_digits -- examples/digits

use std::path::Path;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// A picture: its file, size, paper (none is transparent), ink, width of the pen, and the pen's way.
struct Drawing {
    file: &'static str,
    size: (u32, u32),
    paper: Option<&'static str>,
    ink: &'static str,
    pen: f32,
    path: &'static str,
}

const DRAWINGS: [Drawing; 4] = [
    Drawing {
        file: "three.png",
        size: (200, 300),
        paper: Some("#f7f2e4"),
        ink: "#1b2a5c",
        pen: 18.0,
        path: "M 52 78 C 70 38 150 42 144 92 C 140 128 110 138 88 142 C 130 142 160 168 152 212 C 144 262 78 272 48 226",
    },
    Drawing {
        file: "seven-chalk.png",
        size: (320, 240),
        paper: Some("#1f3b2d"),
        ink: "#f2f5ee",
        pen: 13.0,
        path: "M 108 62 L 208 56 C 190 100 160 150 148 196",
    },
    Drawing {
        file: "five.jpg",
        size: (480, 640),
        paper: Some("#d9d4cc"),
        ink: "#2b2b30",
        pen: 34.0,
        path: "M 330 150 L 190 158 L 172 300 C 230 262 340 280 336 380 C 330 480 210 500 150 440",
    },
    Drawing {
        file: "two-transparent.png",
        size: (160, 160),
        paper: None,
        ink: "#c03020",
        pen: 10.0,
        path: "M 50 60 C 54 26 108 26 106 60 C 104 84 70 104 50 126 C 74 118 90 130 114 122",
    },
];

fn render(drawing: &Drawing) -> RgbaImage {
    let (width, height) = drawing.size;
    let paper = drawing.paper.map_or(String::new(), |colour| {
        format!("<rect width='{width}' height='{height}' fill='{colour}'/>")
    });
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>{paper}\
         <path d='{}' fill='none' stroke='{}' stroke-width='{}' stroke-linecap='round' stroke-linejoin='round'/></svg>",
        drawing.path, drawing.ink, drawing.pen
    );
    let tree = Tree::from_str(&svg, &Options::default()).expect("an SVG");
    let mut pixels = Pixmap::new(width, height).expect("memory");
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    RgbaImage::from_fn(width, height, |x, y| {
        let pixel = pixels.pixel(x, y).expect("inside").demultiply();
        Rgba([pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()])
    })
}

fn main() {
    let folder = std::env::args().nth(1).expect("a folder to write into");
    for drawing in &DRAWINGS {
        let picture = DynamicImage::ImageRgba8(render(drawing));
        let path = Path::new(&folder).join(drawing.file);
        let (picture, format) = if drawing.file.ends_with(".jpg") {
            (picture.into_rgb8().into(), ImageFormat::Jpeg)
        } else if drawing.paper.is_some() {
            (
                DynamicImage::ImageRgb8(picture.into_rgb8()),
                ImageFormat::Png,
            )
        } else {
            (picture, ImageFormat::Png)
        };
        picture.save_with_format(&path, format).expect("written");
        println!("{}", path.display());
    }
}
