import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// Finding each other on one's own network, without any internet.
Page {
    id: page
    readonly property var now: configView.now
    signal asked(string title, string words, string yes, var act)
    signal went(string page)
    title: qsTr("Local network")
    canGoBack: true
    onVisibleChanged: if (visible) configView.look()
    Component.onCompleted: if (visible) configView.look()

    ConfigFault {}
    Card {
        hint: qsTr("It works without any internet. Everybody on the network can see that you are here, unless a secret is set.")
        ConfigSwitch { key: "lan.enabled"; text: qsTr("Find others on the local network"); Layout.fillWidth: true }
    }
    Card {
        title: qsTr("Secret")
        hint: qsTr("Tell it to others by another way, such as by mouth. Contacts, and the peers named in the network settings, connect without it.")
        Paragraph {
            objectName: "secretState"
            text: !page.now.hasSecret ? qsTr("No secret is set: everybody on the network finds you.")
                : page.now.secretFile !== "" ? qsTr("A secret is set, in the file %1: only who knows it finds you.").arg(page.now.secretFile)
                : qsTr("A secret is set: only who knows it finds you.")
            color: page.now.hasSecret ? Theme.c.text : Theme.c.warn
            Layout.fillWidth: true
        }
        RowLayout {
            Layout.fillWidth: true
            spacing: 6
            Field {
                id: secret
                objectName: "secret"
                Layout.fillWidth: true
                echoMode: reveal.checked ? TextInput.Normal : TextInput.Password
                placeholderText: page.now.hasSecret ? qsTr("Another secret") : qsTr("A secret")
                onAccepted: save.clicked()
            }
            IconButton { id: reveal; objectName: "revealSecret"; sign: "eye"; checkable: true; text: checked ? qsTr("Hide what is typed") : qsTr("Show what is typed") }
        }
        Flow {
            Layout.fillWidth: true
            spacing: 8
            PushButton {
                id: save
                objectName: "saveSecret"
                text: qsTr("Save")
                primary: true
                enabled: secret.text !== "" && !page.now.isBusy
                onClicked: if (enabled) configView.set_secret(secret.text)
            }
            PushButton {
                objectName: "forgetSecret"
                visible: page.now.hasSecret
                text: qsTr("Take the secret away")
                danger: true
                enabled: !page.now.isBusy
                onClicked: page.asked(qsTr("Take the secret away?"), qsTr("Everybody on the network can then find you."), qsTr("Take it away"), () => configView.forget_secret())
            }
        }
        ConfigOutcome { key: "lan.secret"; Layout.fillWidth: true }
        ConfigSwitch {
            key: "lan.accept_requests"
            text: qsTr("Accept requests of those who know the secret without asking me")
            enabled: page.now.hasSecret || page.now.switches["lan.accept_requests"]
            opacity: enabled ? 1 : 0.5
            Layout.fillWidth: true
        }
        Connections {
            target: configView
            function onAccepted(key) { if (key === "lan.secret") { secret.clear(); reveal.checked = false } }
        }
    }
    ConfigList {
        key: "lan.allowed_subnets"
        title: qsTr("Networks")
        hint: qsTr("Others are looked for and served in these alone. Name one to reach beyond a router, or where a wireless network carries no broadcasts.")
        none: qsTr("All that this machine is in.")
        about: qsTr("A network of IPv4")
        example: "192.168.1.0/24"
    }
    Card {
        NextPage { objectName: "toNodes"; sign: "people"; text: qsTr("Who is there, and who is blocked"); detail: qsTr("On the network page, while this is on"); Layout.fillWidth: true; onClicked: page.went("network") }
    }
}
