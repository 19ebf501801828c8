import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// How one is connected, in plain words, and what can be done about it.
Page {
    id: page
    readonly property var now: networkView.now
    signal went(string page)
    title: qsTr("Network")
    onVisibleChanged: networkView.look(visible)
    Component.onCompleted: networkView.look(visible)
    tools: [
        PushButton {
            objectName: "diagnose"
            text: page.now.isDiagnosing ? qsTr("Looking…") : qsTr("Diagnose")
            enabled: !page.now.isDiagnosing && startView.now.phase === "open"
            onClicked: networkView.diagnose()
        }
    ]

    Card {
        title: qsTr("Status")
        RowLayout {
            Layout.fillWidth: true
            spacing: 10
            Rectangle {
                implicitWidth: Theme.px(12)
                implicitHeight: implicitWidth
                radius: width / 2
                color: page.now.health === "good" ? Theme.c.good : page.now.health === "poor" ? Theme.c.warn : Theme.c.bad
                Accessible.ignored: true
            }
            Paragraph {
                objectName: "health"
                Layout.fillWidth: true
                font.weight: Font.DemiBold
                text: page.now.health === "good" ? qsTr("Connected to the network.")
                    : page.now.health === "poor" ? qsTr("Connected, but to nobody who knows others. Messages may take longer.")
                    : qsTr("Offline. What you write is kept and sent as soon as there is a way.")
            }
        }
        Fact {
            Layout.fillWidth: true
            name: qsTr("Can others reach you directly?")
            value: page.now.reachability === "public" ? qsTr("Yes") : page.now.reachability === "NAT" ? qsTr("Through a relay") : qsTr("Not known yet")
        }
        Fact { Layout.fillWidth: true; name: qsTr("Connected peers"); value: page.now.peers }
        Fact { Layout.fillWidth: true; name: qsTr("Known peers"); value: page.now.known }
        Fact { Layout.fillWidth: true; name: qsTr("Relays in use"); value: page.now.relays }
        Fact { Layout.fillWidth: true; name: qsTr("Mailboxes that keep messages for you"); value: page.now.mailboxes }
        Fact { Layout.fillWidth: true; name: qsTr("Messages that wait to be sent"); value: page.now.outbox }
        Fact { Layout.fillWidth: true; name: qsTr("Last synchronised"); value: page.now.lastSync > 0 ? When.full(page.now.lastSync) : qsTr("Never") }
        NextPage { objectName: "toNetworkSettings"; sign: "settings"; text: qsTr("Settings of the network"); Layout.fillWidth: true; onClicked: page.went("settings-network") }
    }
    Card {
        title: qsTr("Diagnosis")
        visible: page.now.isDiagnosed
        Paragraph { visible: page.now.findings.length === 0; text: qsTr("Nothing is wrong."); color: Theme.c.good; Layout.fillWidth: true }
        Repeater {
            model: page.now.findings
            ColumnLayout {
                required property var modelData
                Layout.fillWidth: true
                spacing: 3
                Paragraph { text: modelData.problem; font.weight: Font.DemiBold; Layout.fillWidth: true }
                Paragraph { text: modelData.advice; Layout.fillWidth: true }
                Repeater {
                    model: modelData.evidence
                    Paragraph { required property string modelData; text: "• " + modelData; color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
                }
            }
        }
    }
    Card {
        title: qsTr("Start")
        visible: startView.now.steps.length > 0
        Steps { Layout.fillWidth: true }
    }
    Card {
        title: qsTr("Peers")
        hint: qsTr("Who is blocked is disconnected and stays away.")
        Words { visible: peers.count === 0; text: qsTr("Nobody is connected."); color: Theme.c.faint; Layout.fillWidth: true }
        Rows {
            id: peers
            rowHeight: Theme.px(46)
            model: networkView.peers
            delegate: RowLayout {
                id: peer
                required property string id
                required property string name
                required property string address
                required property string path
                width: ListView.view ? ListView.view.width - 12 : 0
                height: Theme.px(46)
                spacing: 6
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 2
                    Words { text: peer.name !== "" ? peer.name : "…" + peer.id.slice(-12); font.weight: Font.Medium; Layout.fillWidth: true }
                    Words {
                        text: ({ lan: qsTr("Local network"), direct: qsTr("Direct"), punched: qsTr("Direct, through a NAT"), relayed: qsTr("Through a relay") })[peer.path] + " · " + peer.address
                        color: Theme.c.faint
                        font.pixelSize: Theme.small
                        elide: Text.ElideMiddle
                        Layout.fillWidth: true
                    }
                }
                IconButton { sign: "close"; text: qsTr("Disconnect"); onClicked: networkView.disconnect_from(peer.id) }
                IconButton { sign: "block"; text: qsTr("Block"); onClicked: networkView.block(peer.id, true) }
            }
        }
        Words { text: qsTr("Address of a peer"); color: Theme.c.faint; Layout.fillWidth: true }
        RowLayout {
            Layout.fillWidth: true
            spacing: 8
            Field { id: address; objectName: "address"; Layout.fillWidth: true; placeholderText: "/ip4/…/p2p/…"; Accessible.name: qsTr("Address of a peer"); onAccepted: connect.clicked() }
            PushButton { id: connect; text: qsTr("Connect"); enabled: address.text.trim() !== ""; onClicked: { networkView.connect_to(address.text); address.clear() } }
        }
    }
    Card {
        title: qsTr("Local network")
        visible: page.now.lan
        Paragraph {
            visible: page.now.lanOpen
            text: qsTr("No secret is set: everybody on this network is served.")
            color: Theme.c.warn
            Layout.fillWidth: true
        }
        Words { visible: near.count === 0; text: qsTr("Nobody was heard here."); color: Theme.c.faint; Layout.fillWidth: true }
        Rows {
            id: near
            rowHeight: Theme.px(46)
            model: networkView.neighbours
            delegate: RowLayout {
                id: neighbour
                required property string id
                required property string name
                required property string address
                required property double at
                width: ListView.view ? ListView.view.width - 12 : 0
                height: Theme.px(46)
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 2
                    Words { text: neighbour.name; font.weight: Font.Medium; Layout.fillWidth: true }
                    Words { text: neighbour.address + " · " + When.full(neighbour.at); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
                }
                IconButton { sign: "block"; text: qsTr("Block"); onClicked: networkView.block(neighbour.id, true) }
            }
        }
    }
    Card {
        title: qsTr("Blocked")
        hint: qsTr("A peer, an account, or a network such as 203.0.113.0/24.")
        Words { visible: blocked.count === 0; text: qsTr("Nobody is blocked."); color: Theme.c.faint; Layout.fillWidth: true }
        Rows {
            id: blocked
            rowHeight: Theme.px(42)
            model: networkView.blocks
            delegate: RowLayout {
                id: block
                required property string id
                required property string kind
                required property bool isConfigured
                width: ListView.view ? ListView.view.width - 12 : 0
                height: Theme.px(42)
                Words { text: block.id; elide: Text.ElideMiddle; Layout.fillWidth: true }
                PushButton { visible: !block.isConfigured; text: qsTr("Unblock"); onClicked: networkView.block(block.id, false) }
                Words { visible: block.isConfigured; text: qsTr("by the configuration"); color: Theme.c.faint; font.pixelSize: Theme.small }
            }
        }
        RowLayout {
            Layout.fillWidth: true
            spacing: 8
            Field { id: target; objectName: "blockTarget"; Layout.fillWidth: true; placeholderText: qsTr("Whom"); onAccepted: doBlock.clicked() }
            PushButton { id: doBlock; text: qsTr("Block"); danger: true; enabled: target.text.trim() !== ""; onClicked: { networkView.block(target.text, true); target.clear() } }
        }
    }
    Card {
        title: qsTr("Your addresses")
        visible: page.now.addresses.length > 0
        Repeater {
            model: page.now.addresses
            Copied { required property string modelData; words: modelData; Layout.fillWidth: true }
        }
    }
    Card {
        title: qsTr("Fault log")
        Words { visible: faults.count === 0; text: qsTr("Nothing was reported."); color: Theme.c.faint; Layout.fillWidth: true }
        Rows {
            id: faults
            spacing: 8
            rowHeight: Theme.px(60)
            model: networkView.faults
            delegate: ColumnLayout {
                id: fault
                required property double at
                required property string level
                required property string text
                width: ListView.view ? ListView.view.width - 12 : 0
                spacing: 2
                Words { text: When.full(fault.at) + " · " + fault.level; color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
                Paragraph { text: fault.text; font.pixelSize: Theme.small; Layout.fillWidth: true }
            }
        }
    }
}
