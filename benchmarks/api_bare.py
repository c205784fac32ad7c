"""What the API's answers are measured against: a FastAPI route that does nothing, served in the same way.

python -m benchmarks.api_bare PORT
"""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/bare")
async def bare() -> dict[str, bool]:
    """Return nothing worth mention."""
    return {"bare": True}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", log_level="warning", access_log=False)
