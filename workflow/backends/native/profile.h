// The shapes that a model admits: what is refused, and what is prepared.
#pragma once

#include <string>
#include <vector>

#include "model_config.h"
#include "tensor.h"

namespace endpoints {

// Throws Error when the profile does not admit `shape` for this input. Nothing is padded or cut.
void require_admitted(const ModelConfig& config, const std::string& input, const Shape& shape);

// The largest batch that may run at once.
std::int64_t largest_batch(const ModelConfig& config);

// Shapes of all inputs for the engine to prepare, the largest first: every batch size where the other axes are fixed,
// otherwise the ends of the profile and its opt. None where the profile has no end.
std::vector<std::vector<Shape>> shapes_to_prepare(const ModelConfig& config);

}  // namespace endpoints
