// All extension API servers of a lab, and the kubelet's part for their pods.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "tests/lab/extension/extension.hpp"
#include "tests/lab/process.hpp"

int main(int argc, char** argv) {
    using namespace aggmedic::lab;
    std::string directory;
    CLI::App app("the lab's extension API servers");
    app.add_option("--lab", directory)->required();
    CLI11_PARSE(app, argc, argv);
    block_stop_signals();
    try {
        const World world = load_world(directory);
        StoreClient store(world.store);
        store.start();
        // They read the ConfigMap at their start, so it has to be there first.
        while (!store.get("configmap/kube-system/extension-apiserver-authentication")) {
            if (wait_for_stop(std::chrono::milliseconds(50))) return 0;
        }
        std::vector<std::unique_ptr<Pod>> pods;
        for (const auto& extension : world.extensions) pods.push_back(std::make_unique<Pod>(world, extension, store));
        do {
            for (const auto& pod : pods) pod->tend();
        } while (!wait_for_stop(std::chrono::milliseconds(100)));
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        ::_exit(1);
    }
    ::_exit(0);
}
