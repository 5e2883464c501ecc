//! The scenes of the receiver's vectors.

use super::Scene;

const READY: bool = true;
const BUSY: bool = false;

/// Makes the scenes of one file.
type Scenes = fn() -> Vec<Scene>;

/// Every file of vectors, and its scenes.
pub(crate) const FILES: &[(&str, Scenes)] = &[
    ("stream", || vec![stream(), busy()]),
    ("snapshot", || vec![snapshot(), behind(), nothing_behind(), cut(), late()]),
    ("another-snapshot", || vec![another(), another_before_a_piece(), begun_again(), refused_install()]),
    ("spool", || vec![full(), tail()]),
    ("forks", || vec![rewind(), not_any_more(), before_a_snapshot()]),
    ("mistakes", || vec![unpolled(), order(), not_asked(), failed()]),
];

fn stream() -> Scene {
    let mut scene = Scene::new("a batch is applied as it comes", false);
    scene.batch(5, 7, READY);
    scene.done("Applied", 7, 0);
    scene.done("Persisted", 7, 0);
    scene.work();
    scene
}

fn busy() -> Scene {
    let mut scene = Scene::new("a busy store lets batches wait, and they keep their order", false);
    scene.batch(5, 7, BUSY);
    scene.batch(7, 8, READY);
    scene.work();
    scene.work();
    scene.done("Applied", 7, 0);
    scene.work();
    scene.done("Applied", 8, 0);
    scene.batch(8, 9, READY);
    scene
}

fn snapshot() -> Scene {
    let mut scene = Scene::new("a snapshot, and the stream past it", false);
    scene.named(21, 5);
    scene.batch(5, 7, READY);
    scene.begin(7);
    scene.piece(0, false);
    scene.batch(7, 8, READY);
    scene.piece(1, true);
    scene.work();
    scene.installed(8);
    scene.work();
    scene.done("Applied", 8, 0);
    scene.batch(8, 9, READY);
    scene
}

fn behind() -> Scene {
    let mut scene = Scene::new("the log does not reach the snapshot: what waits is dropped", false);
    scene.named(21, 5);
    scene.begin(9);
    scene.batch(5, 7, READY);
    scene.piece(0, true);
    scene.work();
    scene.installed(9);
    scene.work();
    scene
}

fn nothing_behind() -> Scene {
    let mut scene = Scene::new("the log ends at the snapshot, which is said to be applied", false);
    scene.named(21, 5);
    scene.done("Taking", 1, 0);
    scene.begin(8);
    scene.batch(5, 8, READY);
    scene.piece(0, true);
    scene.work();
    scene.installed(8);
    scene
}

fn cut() -> Scene {
    let mut scene = Scene::new("a link is lost, and the snapshot goes on", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.batch(5, 6, READY);
    scene.piece(0, false);
    scene.step("None", [0; 3], READY);
    scene.batch(6, 7, READY);
    scene.piece(1, true);
    scene.work();
    scene
}

fn late() -> Scene {
    let mut scene = Scene::new("an install that another snapshot overtook is not said", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.piece(0, true);
    scene.work();
    scene.named(22, 20);
    scene.begin(20);
    scene.piece(0, true);
    scene.work();
    scene.done("Installed", 0, 0);
    scene.work();
    scene.installed(20);
    scene
}

fn another() -> Scene {
    let mut scene = Scene::new("another snapshot forgets the one before, and its stream", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.batch(5, 9, READY);
    scene.piece(0, false);
    scene.named(22, 9);
    scene.batch(9, 12, READY);
    scene.begin(9);
    scene
}

fn another_before_a_piece() -> Scene {
    let mut scene = Scene::new("another snapshot, told from the first by its name alone", false);
    scene.named(21, 5);
    scene.batch(5, 9, READY);
    scene.named(22, 9);
    scene.batch(9, 10, READY);
    scene
}

fn begun_again() -> Scene {
    let mut scene = Scene::new("a snapshot begins again under its name", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.batch(5, 9, READY);
    scene.piece(0, false);
    scene.named(21, 9);
    scene.begin(9);
    scene
}

fn refused_install() -> Scene {
    let mut scene = Scene::new("the node has given the snapshot up when it is installed", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.batch(5, 6, READY);
    scene.piece(0, true);
    scene.work();
    scene.done("Installed", 0, 0);
    scene.answered(0);
    scene.named(22, 30);
    scene.begin(30);
    scene
}

fn full() -> Scene {
    let mut scene = Scene::new("a full spool: pieces are taken, batches are not", false);
    scene.named(21, 5);
    scene.begin(5);
    scene.batch(5, 6, READY);
    scene.done("Taking", 1, 0);
    scene.batch(6, 8, READY);
    scene.piece(0, false);
    scene.done("Taking", 2, 0);
    scene.piece(1, false);
    scene.done("Taking", 0, 0);
    scene
}

fn tail() -> Scene {
    let mut scene = Scene::new("batches are done on the loading snapshot, as far as the store can", true);
    scene.named(21, 5);
    scene.batch(5, 7, READY);
    scene.batch(7, 8, READY);
    scene.begin(7);
    scene.piece(0, false);
    scene.work();
    scene.work();
    scene.done("Tailed", 8, 1);
    scene.batch(8, 9, READY);
    scene.done("Tailed", 9, 1);
    scene.batch(9, 11, READY);
    scene.done("Tailed", 11, 0);
    scene.batch(11, 12, READY);
    scene.piece(1, true);
    scene.work();
    scene.installed(12);
    scene.work();
    scene
}

fn rewind() -> Scene {
    let mut scene =
        Scene::new("a fork: what lies before it is applied, the node agrees, the store rewinds", false);
    scene.batch(5, 7, BUSY);
    scene.batch(7, 9, BUSY);
    scene.step("Fork", [7, 1, 0], READY);
    scene.done("Applied", 7, 0);
    scene.answered(7);
    scene.batch(7, 8, READY);
    scene.done("Rewound", 0, 0);
    scene.work();
    scene
}

fn not_any_more() -> Scene {
    let mut scene = Scene::new("a fork that another upstream took back", false);
    scene.batch(5, 8, READY);
    scene.done("Applied", 8, 0);
    scene.step("Fork", [6, 1, 0], READY);
    scene.answered(0);
    scene.batch(8, 9, READY);
    scene
}

fn before_a_snapshot() -> Scene {
    let mut scene = Scene::new("a fork that a snapshot follows", false);
    scene.batch(5, 9, BUSY);
    scene.node(false, 12, 21, 0);
    scene.step("Fork", [8, 0, 0], READY);
    scene.batch(12, 13, READY);
    scene
}

fn unpolled() -> Scene {
    let mut scene = Scene::new("a step before the commands of the last one", false);
    scene.node(true, 6, 0, 0);
    assert_eq!(scene.show("Batch", [5, 1, 6], READY), Ok(()));
    scene.step("Batch", [6, 1, 7], READY);
    scene.poll();
    scene
}

fn order() -> Scene {
    let mut scene = Scene::new("payloads that cannot follow", false);
    scene.step("Piece", [0, 0, 0], READY);
    scene.step("Spool", [5, 1, 6], READY);
    scene.batch(5, 6, BUSY);
    scene.batch(7, 8, READY);
    scene.named(21, 8);
    scene.begin(8);
    scene.batch(9, 10, READY);
    scene.step("Piece", [1, 0, 0], READY);
    scene
}

fn not_asked() -> Scene {
    let mut scene = Scene::new("completions of what was not asked for", false);
    scene.batch(5, 7, READY);
    scene.done("Applied", 6, 0);
    scene.done("Installed", 0, 0);
    scene.done("Rewound", 0, 0);
    scene.done("Loaded", 1, 0);
    scene.done("Tailed", 7, 1);
    scene.done("Applied", 7, 0);
    scene
}

fn failed() -> Scene {
    let mut scene = Scene::new("a store that failed is asked for nothing", false);
    scene.batch(5, 7, READY);
    scene.done("Failed", 0, 0);
    scene.work();
    scene.batch(7, 8, READY);
    scene
}
