//! From pen strokes to the 8x8 cells the network was trained on: the drawing is fitted to a box, inked on a fine
//! grid with a pen of the usual width, and each cell counts its inked points. pen.py does the same.

pub type Point = [f32; 2];
pub type Stroke = Vec<Point>;

const CELLS: usize = 8;
const FINE: usize = 4;
const GRID: usize = CELLS * FINE;
const PEN_RADIUS: f32 = 2.6;

/// Nothing for a drawing without points.
pub fn cells(strokes: &[Stroke]) -> Option<[u8; CELLS * CELLS]> {
    let placed = fit(strokes)?;
    let mut cells = [0; CELLS * CELLS];
    for row in 0..GRID {
        for column in 0..GRID {
            let centre = [column as f32 + 0.5, row as f32 + 0.5];
            if placed.iter().any(|stroke| touches(stroke, centre)) {
                cells[row / FINE * CELLS + column / FINE] += 1;
            }
        }
    }
    Some(cells)
}

/// Moves and scales the drawing to the middle of the grid, the pen's width included.
fn fit(strokes: &[Stroke]) -> Option<Vec<Stroke>> {
    let mut points = strokes.iter().flatten().filter(|point| point.iter().all(|c| c.is_finite()));
    let &first = points.next()?;
    let (low, high) = points.fold((first, first), |(low, high), point| {
        (
            [low[0].min(point[0]), low[1].min(point[1])],
            [high[0].max(point[0]), high[1].max(point[1])],
        )
    });
    let grid = GRID as f32;
    let extent = (high[0] - low[0]).max(high[1] - low[1]).max(1e-6);
    let scale = (grid - 2.0 * PEN_RADIUS) / extent;
    let place = |point: &Point| {
        let along = |axis: usize| (point[axis] - (low[axis] + high[axis]) / 2.0) * scale + grid / 2.0;
        [along(0), along(1)]
    };
    Some(strokes.iter().map(|stroke| stroke.iter().map(place).collect()).collect())
}

fn touches(stroke: &[Point], centre: Point) -> bool {
    let near = |start: Point, end: Point| distance_squared(start, end, centre) <= PEN_RADIUS * PEN_RADIUS;
    match stroke {
        // A tap of the pen.
        [point] => near(*point, *point),
        _ => stroke.windows(2).any(|pair| near(pair[0], pair[1])),
    }
}

fn distance_squared(start: Point, end: Point, point: Point) -> f32 {
    let along = [end[0] - start[0], end[1] - start[1]];
    let to = [point[0] - start[0], point[1] - start[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = ((to[0] * along[0] + to[1] * along[1]) / length.max(1e-9)).clamp(0.0, 1.0);
    let away = [to[0] - share * along[0], to[1] - share * along[1]];
    away[0] * away[0] + away[1] * away[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upright_stroke_fills_the_height_in_the_middle() {
        let cells = cells(&[vec![[300.0, 20.0], [300.0, 500.0]]]).unwrap();
        for row in cells.chunks(CELLS) {
            assert!(row[3] > 4 && row[4] > 4);
            assert_eq!((row[0], row[1], row[6], row[7]), (0, 0, 0, 0));
        }
    }

    #[test]
    fn place_and_size_do_not_matter() {
        let small = vec![[1.0, 1.0], [3.0, 1.0], [2.0, 5.0]];
        let large = small.iter().map(|[x, y]| [x * 90.0 - 40.0, y * 90.0 + 7.0]).collect();
        assert_eq!(cells(&[small]), cells(&[large]));
    }
}
