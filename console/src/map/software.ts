// Without a graphics card each pixel costs the processor: while a hand moves the map it is drawn coarser, else sharp.
import type { Map as Canvas } from "maplibre-gl";

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const COARSER = 0.5; // a quarter of the pixels
const STANDS_MS = 200;

/** Whether a browser draws by software: no card, no driver, or a remote desktop. */
function isSoftware(canvas: Canvas): boolean {
  const context = canvas.getCanvas().getContext("webgl2");
  const named = context?.getExtension("WEBGL_debug_renderer_info");
  return Boolean(named) && SOFTWARE.test(String(context?.getParameter(named?.UNMASKED_RENDERER_WEBGL ?? 0)));
}

/**
 * Only what a person moves: a jump of ours is one picture, which had better be sharp. It is made coarser before the
 * library hears of the gesture, because another size ends the gesture that it is in.
 */
export function coarserWhileMoved(canvas: Canvas): void {
  if (!isSoftware(canvas)) return;
  const full = canvas.getPixelRatio();
  let isHeld = false;
  let timer = 0;
  const coarser = () => {
    clearTimeout(timer);
    if (canvas.getPixelRatio() === full) canvas.setPixelRatio(full * COARSER);
  };
  const sharpSoon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (canvas.getPixelRatio() !== full && !isHeld && !canvas.isMoving()) canvas.setPixelRatio(full);
    }, STANDS_MS);
  };
  const turn = () => {
    coarser();
    sharpSoon(); // a wheel that is at its end moves nothing
  };
  const hold = (event: PointerEvent) => {
    isHeld = event.type === "pointerdown";
    if (isHeld) coarser();
    else sharpSoon();
  };
  const place = canvas.getContainer();
  place.addEventListener("pointerdown", hold, { capture: true });
  place.addEventListener("wheel", turn, { capture: true, passive: true });
  for (const end of ["pointerup", "pointercancel"] as const) window.addEventListener(end, hold);
  canvas.on("moveend", sharpSoon);
  canvas.on("remove", () => {
    clearTimeout(timer);
    for (const end of ["pointerup", "pointercancel"] as const) window.removeEventListener(end, hold);
  });
}
