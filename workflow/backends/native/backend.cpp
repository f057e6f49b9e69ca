// The functions that Triton calls. Nothing is thrown out of them.
#include <memory>
#include <string>
#include <string_view>

#include "engine.h"
#include "error.h"
#include "executor.h"
#include "model_config.h"

// The only symbols that the library shows.
#define ENDPOINTS_EXPORT extern "C" __attribute__((visibility("default")))

namespace endpoints {
namespace {

void require_compatible_server() {
  std::uint32_t major = 0, minor = 0;
  check(TRITONBACKEND_ApiVersion(&major, &minor));
  if (major == TRITONBACKEND_API_VERSION_MAJOR && minor >= TRITONBACKEND_API_VERSION_MINOR) return;
  const auto version = [](std::uint32_t a, std::uint32_t b) { return std::to_string(a) + "." + std::to_string(b); };
  throw Error("this backend needs version " +
                  version(TRITONBACKEND_API_VERSION_MAJOR, TRITONBACKEND_API_VERSION_MINOR) +
                  " of Triton's backend API or a later one of the same major version; this server has " +
                  version(major, minor) + ". Hint: use Triton 24.10 or later",
              TRITONSERVER_ERROR_UNSUPPORTED);
}

struct DeleteMessage {
  void operator()(TRITONSERVER_Message* message) const { ignore(TRITONSERVER_MessageDelete(message)); }
};

std::unique_ptr<ModelConfig> read_config(TRITONBACKEND_Model* model) {
  TRITONSERVER_Message* message = nullptr;
  check(TRITONBACKEND_ModelConfig(model, 1, &message));
  const std::unique_ptr<TRITONSERVER_Message, DeleteMessage> owned(message);
  const char* text = nullptr;
  std::size_t size = 0;
  check(TRITONSERVER_MessageSerializeToJson(message, &text, &size));
  return std::make_unique<ModelConfig>(ModelConfig::parse(std::string_view(text, size)));
}

Placement placement_of(TRITONBACKEND_ModelInstance* instance, TRITONBACKEND_Model* model) {
  Placement result;
  TRITONBACKEND_ArtifactType type = TRITONBACKEND_ARTIFACT_FILESYSTEM;
  const char* location = nullptr;
  check(TRITONBACKEND_ModelRepository(model, &type, &location));
  if (type != TRITONBACKEND_ARTIFACT_FILESYSTEM) throw Error("the model repository is no directory");
  std::uint64_t version = 0;
  check(TRITONBACKEND_ModelVersion(model, &version));
  result.directory = std::filesystem::path(location) / std::to_string(version);
  check(TRITONBACKEND_ModelInstanceKind(instance, &result.kind));
  check(TRITONBACKEND_ModelInstanceDeviceId(instance, &result.device));
  return result;
}

const ModelConfig& config_of(TRITONBACKEND_Model* model) {
  void* state = nullptr;
  check(TRITONBACKEND_ModelState(model, &state));
  return *static_cast<ModelConfig*>(state);
}

Executor* executor_of(TRITONBACKEND_ModelInstance* instance) {
  void* state = nullptr;
  check(TRITONBACKEND_ModelInstanceState(instance, &state));
  return static_cast<Executor*>(state);
}

}  // namespace
}  // namespace endpoints

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_Initialize(TRITONBACKEND_Backend*) {
  return endpoints::guarded(endpoints::require_compatible_server);
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_GetBackendAttribute(TRITONBACKEND_Backend*,
                                                                       TRITONBACKEND_BackendAttribute* attribute) {
  if (endpoints::preferred_kind != endpoints::PreferredKind::kCpu) return nullptr;
  return TRITONBACKEND_BackendAttributeAddPreferredInstanceGroup(attribute, TRITONSERVER_INSTANCEGROUPKIND_CPU, 0,
                                                                 nullptr, 0);
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model* model) {
  return endpoints::guarded([model] {
    auto config = endpoints::read_config(model);
    endpoints::check(TRITONBACKEND_ModelSetState(model, config.get()));
    // Triton holds it until ModelFinalize.
    config.release();
  });
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model* model) {
  return endpoints::guarded(
      [model] { const std::unique_ptr<const endpoints::ModelConfig> owned(&endpoints::config_of(model)); });
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceInitialize(TRITONBACKEND_ModelInstance* instance) {
  return endpoints::guarded([instance] {
    TRITONBACKEND_Model* model = nullptr;
    endpoints::check(TRITONBACKEND_ModelInstanceModel(instance, &model));
    auto executor = std::make_unique<endpoints::Executor>(endpoints::config_of(model),
                                                          endpoints::placement_of(instance, model), instance);
    endpoints::check(TRITONBACKEND_ModelInstanceSetState(instance, executor.get()));
    // Triton holds it until ModelInstanceFinalize.
    executor.release();
  });
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceFinalize(TRITONBACKEND_ModelInstance* instance) {
  return endpoints::guarded(
      [instance] { const std::unique_ptr<endpoints::Executor> owned(endpoints::executor_of(instance)); });
}

ENDPOINTS_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance* instance,
                                                                        TRITONBACKEND_Request** requests,
                                                                        std::uint32_t count) {
  return endpoints::guarded([=] { endpoints::executor_of(instance)->execute({requests, count}); });
}
